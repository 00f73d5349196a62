"""From a YAML file to a `Pipeline`: first the shape, then every part's own options, all problems at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from querygen_core.canonical import digest
from querygen_core.config.options import comparable
from querygen_core.config.overrides import override, put
from querygen_core.config.parts import Parts
from querygen_core.config.pipeline import Pipeline
from querygen_core.config.reading import Reading
from querygen_core.config.resolved import resolve
from querygen_core.config.settings import Runtime, Top
from querygen_core.errors import ConfigError, PluginError, QuerygenError
from querygen_core.interpolation import escape, fill
from querygen_core.masking import register_within
from querygen_core.problems import Place, lines
from querygen_core.registry import Registry
from querygen_core.source import Source, read
from querygen_core.vault import Reference, Vault


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
    """The pipeline that a config file describes. Loads the plugins and prompts it names; builds and fetches nothing.

    sets: `path=value` each, from the command line. load_prompt: instead of looking into the config's `prompts_dir`.
    origin: the URL, if that is what the user called the file.

    Raises:
        ConfigError: with every problem of the file, one line each.
    """
    file = Path(path)
    source = override(read(file), sets)
    if job_id is not None:
        source = put(source, ("job_id",), escape(job_id), Place(f"--job-id {job_id!r}"))
    if source.data.get("job_id") is None:
        source = put(source, ("job_id",), escape(file.stem), Place(str(file)))
    pipeline = _assemble(source, file, environ, registry or Registry(environ), load_prompt)
    return replace(pipeline, origin=origin or str(file))


def load_pipeline_from(
    resolved: Mapping[str, Any],
    *,
    config_file: str | os.PathLike[str],
    environ: Mapping[str, str] = os.environ,
    registry: Registry | None = None,
    load_prompt: Callable[[str], object] | None = None,
    origin: str | None = None,
) -> Pipeline:
    """The pipeline that `resolved` was kept of. config_file: where it came from; it need not exist any more.

    Raises:
        ConfigError: it does not fit what is installed now, or a secret was written in plain and so was not kept.
    """
    source = Source("the config kept with the job", dict(resolved), {})
    pipeline = _assemble(source, Path(config_file), environ, registry or Registry(environ), load_prompt)
    return replace(pipeline, origin=origin or str(config_file))


def _assemble(
    source: Source,
    file: Path,
    environ: Mapping[str, str],
    registry: Registry,
    load_prompt: Callable[[str], object] | None,
) -> Pipeline:
    source = replace(source, data={key: value for key, value in source.data.items() if value is not None})
    vault = _vault(registry, file.parent)
    filling = fill(source, environ, vault)
    reading = Reading(source, filling, registry)
    top = reading.validate(Top, reading.data, ())
    runtime = reading.read(Runtime, reading.mapping("runtime"), ("runtime",))
    prompts_dir = reading.data.get("prompts_dir")
    parts = Parts(
        reading, load_prompt or _prompts_in(prompts_dir if isinstance(prompts_dir, str) else None, file.parent)
    )
    input_ = parts.one("input", "input")
    preprocessors = parts.steps("preprocessors", "preprocessor")
    models, generators = parts.models(), parts.generators()
    postprocessors = parts.steps("postprocessors", "postprocessor")
    sinks = parts.sinks()
    observers = parts.steps("observers", "observer")
    journal = parts.one("journal", "journal")
    submit = parts.one("submit", "submitter") if "submit" in reading.data else None
    if reading.problems or not (top and top.job_id and runtime and input_ and journal):
        raise ConfigError(lines(reading.problems))
    pipeline = Pipeline(
        job_id=top.job_id,
        input=input_,
        preprocessors=preprocessors,
        models=models,
        generators=generators,
        postprocessors=postprocessors,
        sinks=sinks,
        observers=observers,
        journal=journal,
        runtime=runtime,
        prompts_dir=top.prompts_dir,
        config_file=file,
        config_dir=file.parent,
        resolved={},
        hash="",
        vault=vault,
        submit=submit,
    )
    resolved = resolve(pipeline)
    return replace(pipeline, resolved=resolved, hash=digest(comparable(resolved)))


def _prompts_in(prompts_dir: str | None, config_dir: Path) -> Callable[[str], object]:
    from querygen_core.prompts import PromptLibrary, default_directories

    return PromptLibrary(default_directories(prompts_dir, config_dir), config_dir).load


def _vault(registry: Registry, config_dir: Path) -> Vault:
    """Of the secrets that the registry's resolvers find."""

    def resolve(reference: Reference) -> str:
        resolver = registry.resolver(reference.use, config_dir)
        value = _asked(reference.use, lambda: resolver.resolve(reference.name, reference.field))
        if not isinstance(value, str):
            raise PluginError(f"the secret resolver {reference.use!r} gave {type(value).__name__}, not text")
        register_within(value)
        return value

    def forget(reference: Reference) -> None:
        resolver = registry.resolver(reference.use, config_dir)
        if told := getattr(resolver, "forget", None):
            _asked(reference.use, lambda: told(reference.name))

    return Vault(resolve, forget)


def _asked(use: str, question: Callable[[], object]) -> object:
    try:
        return question()
    except QuerygenError:
        raise
    except Exception as exc:  # noqa: BLE001 - a plugin's code
        # Its message may hold the value.
        raise PluginError(f"the secret resolver {use!r} failed with {type(exc).__name__}") from None
