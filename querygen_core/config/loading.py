"""Loads a config: reads the YAML, validates its shape and all components' options, and reports all problems at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from querygen_core.config.interpolation import escape, interpolate
from querygen_core.config.models import ConfigFile, Journal, Runtime
from querygen_core.config.options import as_written, comparable
from querygen_core.config.overrides import apply_overrides, set_value
from querygen_core.config.pipeline import ComponentConfig, Pipeline
from querygen_core.config.places import Places
from querygen_core.config.sections import SectionReader
from querygen_core.config.validation import STORED, ConfigReader
from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import ConfigError
from querygen_core.registry import Registry
from querygen_core.secrets.masking import register_within
from querygen_core.secrets.store import Reference, SecretStore
from querygen_core.strict_yaml.diagnostics import Location, lines
from querygen_core.strict_yaml.source import Source, read


def load_pipeline(
    path: str | os.PathLike[str],
    *,
    sets: Sequence[str] = (),
    job_id: str | None = None,
    environ: Mapping[str, str] = os.environ,
    registry: Registry | None = None,
    load_prompt: Callable[[str], object] | None = None,
    origin: str | None = None,
) -> Pipeline:
    """Load a config file. Imports the plugins and loads the prompts it names; builds no component, fetches no secret.

    sets: `path=value` each, from the command line. load_prompt: replaces the look-up of prompts in `prompts_dir`.
    origin: the URL that the user gave, if `path` is a downloaded copy.

    Raises:
        ConfigError: with every problem of the config, one line each.
    """
    file = Path(path)
    source = apply_overrides(read(file), sets)
    # Escaped, because a `${` of the command line or of a file's name is not an expression.
    if job_id is not None:
        source = set_value(source, ("job_id",), escape(job_id), Location(f"--job-id {job_id!r}"))
    if source.data.get("job_id") is None:
        source = set_value(source, ("job_id",), escape(file.stem), Location(str(file)))
    pipeline = _assemble(source, file, environ, registry or Registry(environ), load_prompt)
    return replace(pipeline, origin=origin or str(file), places=replace(pipeline.places, origin=origin or ""))


def load_pipeline_from(
    resolved: Mapping[str, Any],
    *,
    config_file: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    registry: Registry | None = None,
    load_prompt: Callable[[str], object] | None = None,
    origin: str | None = None,
) -> Pipeline:
    """Load a `Pipeline.resolved` that was stored with a job. config_file: the original file, which need not exist.

    Raises:
        ConfigError: it does not fit the installed plugins, or a secret was in plain text and so was not stored.
    """
    source = Source(STORED, dict(resolved), {})
    pipeline = _assemble(source, Path(config_file), environ, registry or Registry(environ), load_prompt)
    return replace(pipeline, origin=origin or str(config_file))


def _assemble(
    source: Source,
    file: Path,
    environ: Mapping[str, str],
    registry: Registry,
    load_prompt: Callable[[str], object] | None,
) -> Pipeline:
    # A section without a value (`sinks:`) counts as missing.
    source = replace(source, data={key: value for key, value in source.data.items() if value is not None})
    secret_store = _secret_store(registry, file.parent)
    interpolated = interpolate(source, environ, secret_store)
    allowed = interpolated.data.get("plugins")
    if isinstance(allowed, list):  # before the first component is looked up
        registry.allow(name for name in allowed if isinstance(name, str))
    config_reader = ConfigReader(source, interpolated, registry)
    top_level = config_reader.validate(ConfigFile, config_reader.data, ())
    runtime = config_reader.validate_strictly(Runtime, config_reader.mapping("runtime"), ("runtime",))
    journal = config_reader.validate_strictly(Journal, config_reader.mapping("journal"), ("journal",))
    if journal and journal.url:
        config_reader.scheme(journal.url.partition("://")[0], ("journal", "url"))
    prompts_dir = config_reader.data.get("prompts_dir")
    sections = SectionReader(
        config_reader, load_prompt or _prompts_in(prompts_dir if isinstance(prompts_dir, str) else None, file.parent)
    )
    input_ = sections.one("input", "input")
    preprocessors = sections.steps("preprocessors", "preprocessor")
    models, generators = sections.models(), sections.generators()
    postprocessors = sections.steps("postprocessors", "postprocessor")
    sinks = sections.sinks()
    observers = sections.steps("observers", "observer")
    submit = sections.one("submit", "submitter") if "submit" in config_reader.data else None
    if config_reader.problems or not (top_level and top_level.job_id and runtime and input_ and journal):
        raise ConfigError(lines(config_reader.problems))
    pipeline = Pipeline(
        job_id=top_level.job_id,
        input=input_,
        preprocessors=preprocessors,
        models=models,
        generators=generators,
        postprocessors=postprocessors,
        sinks=sinks,
        observers=observers,
        journal=journal,
        runtime=runtime,
        prompts_dir=top_level.prompts_dir,
        plugins=None if top_level.plugins is None else tuple(top_level.plugins),
        config_file=file,
        config_dir=file.parent,
        resolved={},
        hash="",
        secret_store=secret_store,
        places=Places(source, interpolated.references),
        submit=submit,
    )
    # Computed from the validated options, hence filled in afterwards: it includes their defaults.
    resolved = resolve(pipeline)
    return replace(pipeline, resolved=resolved, hash=_hash(resolved))


def _hash(resolved: Mapping[str, Any]) -> str:
    """Of what the config says about the job: machines that share one may keep their state in different folders."""
    runtime = {key: value for key, value in resolved["runtime"].items() if key != "state_dir"}
    return digest(comparable({**resolved, "runtime": runtime}))


def _prompts_in(prompts_dir: str | None, config_dir: Path) -> Callable[[str], object]:
    from querygen_core.prompts import PromptLibrary, default_directories

    return PromptLibrary(default_directories(prompts_dir, config_dir), config_dir).load


def _secret_store(registry: Registry, config_dir: Path) -> SecretStore:
    """A store that fetches secrets with the resolvers of the registry's plugins."""

    def fetch(reference: Reference) -> str:
        value = registry.resolver(reference.use, config_dir).resolve(reference.name, reference.field)
        register_within(value)
        return value

    def forget(reference: Reference) -> None:
        registry.resolver(reference.use, config_dir).forget(reference.name)

    return SecretStore(fetch, forget)


def resolve(pipeline: Pipeline) -> dict[str, Any]:
    """`Pipeline.resolved` of a pipeline."""
    submit = {} if pipeline.submit is None else {"submit": _written(pipeline.submit)}
    plugins = {} if pipeline.plugins is None else {"plugins": [escape(name) for name in pipeline.plugins]}
    return {
        "job_id": escape(pipeline.job_id),
        "input": _written(pipeline.input),
        "preprocessors": [_written(step, name=step.name) for step in pipeline.preprocessors],
        "models": {
            name: _written(model.component, rpm=model.rpm, tpm=model.tpm, concurrency=model.concurrency)
            for name, model in pipeline.models.items()
        },
        "generators": [
            _written(
                item.component,
                name=item.component.name,
                query_type=item.query_type,
                count=item.count,
                ask=item.ask,
                edition=item.edition,
            )
            for item in pipeline.generators
        ],
        "postprocessors": [_written(step, name=step.name) for step in pipeline.postprocessors],
        "sinks": [
            _written(sink.component, name=sink.component.name, required=sink.required) for sink in pipeline.sinks
        ],
        "observers": [_written(observer, name=observer.name) for observer in pipeline.observers],
        "journal": as_written(pipeline.journal),
        "runtime": as_written(pipeline.runtime),
        "prompts_dir": pipeline.prompts_dir and escape(pipeline.prompts_dir),
        **submit,
        **plugins,
    }


def _written(component: ComponentConfig, **own: Any) -> dict[str, Any]:
    plain = {key: escape(value) if isinstance(value, str) else value for key, value in own.items()}
    return {"use": escape(component.use), **plain, **as_written(component.options, component.kept)}
