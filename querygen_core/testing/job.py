"""A whole job in this process: a real config, a real journal, the real engine. Its components are a test's objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from querygen_core.api import (
    Component,
    Context,
    Generator,
    Input,
    ModelName,
    Observer,
    Options,
    Postprocessor,
    Preprocessor,
    Product,
    Provider,
    Reject,
    Sink,
    hookimpl,
)
from querygen_core.config import load_pipeline
from querygen_core.engine.build import RunOptions
from querygen_core.engine.run import RunResult, run_job
from querygen_core.engine.state_dir import job_folder
from querygen_core.registry import Registry
from querygen_core.testing.doubles import (
    AskingGenerator,
    ListInput,
    MemorySink,
    Script,
    ScriptedProvider,
    three_questions,
)

_PLUGIN = "lab"


class _Labelled(Options):
    label: str = Field("", description="Tells two components apart, and two versions of one.")


class _Asking(_Labelled):
    model: ModelName = Field(description="Model that is asked.")


@dataclass
class InProcessJob:
    """One job. Change its components between runs: its state stays in `folder`, so that the next run resumes.

        sink = MemorySink()
        job = InProcessJob(tmp_path, [product()], preprocessors={"tidy": Tidy(TidyOptions())}, sinks={"memory": sink})
        assert job.run().report["done"] == 1
        assert list(sink.texts) == [product().key]

    In the config and in messages a component is `lab/<its name here>`. A class instead of an object is instantiated
    once for each run.
    """

    folder: Path
    """Where config and state are kept."""

    records: Iterable[Product | Reject | BaseException] = ()
    """What the input yields, unless `input` is given."""

    script: Script = three_questions
    """What the model does, unless `model` is given; then `model` is a `ScriptedProvider`."""

    input: Input | None = None
    model: Provider | None = None
    generators: dict[str, Generator | type[Generator]] = field(default_factory=lambda: {"asking": AskingGenerator()})
    preprocessors: dict[str, Preprocessor | type[Preprocessor]] = field(default_factory=dict)
    postprocessors: dict[str, Postprocessor | type[Postprocessor]] = field(default_factory=dict)
    sinks: dict[str, Sink | type[Sink]] = field(default_factory=lambda: {"table": MemorySink()})

    optional: set[str] = field(default_factory=set)
    """Names of the sinks that are not required."""

    observers: dict[str, Observer | type[Observer]] = field(default_factory=dict)

    runtime: dict[str, Any] = field(default_factory=dict)
    """Keys of the config's section `runtime`."""

    count: int = 3
    """Questions that each generator is to make for a product."""

    job_id: str = _PLUGIN
    """Jobs of one folder share the answers that any of them has paid for."""

    def __post_init__(self) -> None:
        self.model = self.model or ScriptedProvider(self.script)

    @property
    def state(self) -> Path:
        """The job's state folder."""
        return job_folder(self.folder / "state", self.job_id)

    def run(self, *, watch: Any = None, **run_options: Any) -> RunResult:
        """Run it to its end. The result has the exit code (`code`), the `message` for the user and the `report`.

        run_options: what the command line adds, by the names of `RunOptions`: `sample`, `shard`, `retry`, …
        """
        return asyncio.run(self.running(watch=watch, **run_options))

    async def running(self, *, watch: Any = None, **run_options: Any) -> RunResult:
        """The same, to be awaited."""
        registry = Registry({})
        components = self._components()
        # A failure names the last frame in the plugin's own package, so the plugin has to be of the author's.
        plugin = type("Plugin", (_Plugin,), {"__module__": _module(self, components)})
        registry.register(plugin(components), _PLUGIN, f"querygen-{_PLUGIN}", "1")
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{_PLUGIN}.yaml"
        file.write_text(json.dumps(self._config()), encoding="utf-8")
        pipeline = load_pipeline(file, environ={}, registry=registry)
        return await run_job(pipeline, RunOptions(**run_options), registry, watch)

    def dead_letters(self, folder: str = ".") -> list[dict[str, Any]]:
        """Of the last run; `folder` is a shard's below the state folder, such as `shard-0-of-2`."""
        text = (self.state / folder / "dead_letters.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def _components(self) -> dict[str, Mapping[str, Any]]:
        return {
            "input": {"input": self.input or ListInput(self.records)},
            "model": {"model": self.model},
            "generator": self.generators,
            "preprocessor": self.preprocessors,
            "postprocessor": self.postprocessors,
            "sink": self.sinks,
            "observer": self.observers,
        }

    def _config(self) -> dict[str, Any]:
        def use(name: str) -> str:
            return f"{_PLUGIN}/{name}"

        return {
            "job_id": self.job_id,
            "input": {"use": use("input")},
            "models": {"m": {"use": use("model")}},
            "generators": [
                {"name": name, "use": use(name), "model": "m", "query_type": "product", "count": self.count}
                for name in self.generators
            ],
            "preprocessors": [{"use": use(name)} for name in self.preprocessors],
            "postprocessors": [{"use": use(name)} for name in self.postprocessors],
            "sinks": [{"use": use(name), "name": name, "required": name not in self.optional} for name in self.sinks],
            "observers": [{"use": use(name)} for name in self.observers],
            "runtime": {"state_dir": str(self.folder / "state"), "concurrency": 4, **self.runtime},
        }


class _Plugin:
    """Offers objects, as they are, under their names."""

    querygen_api = 1

    def __init__(self, components: Mapping[str, Mapping[str, Any]]) -> None:
        self._objects = components

    def _declared(self, kind: str) -> list[Component[Any, Any]]:
        options = _Asking if kind == "generator" else _Labelled
        return [Component(name, options, _returns(thing), "-") for name, thing in self._objects[kind].items()]

    @hookimpl
    def querygen_inputs(self) -> list[Component[Any, Any]]:
        return self._declared("input")

    @hookimpl
    def querygen_preprocessors(self) -> list[Component[Any, Any]]:
        return self._declared("preprocessor")

    @hookimpl
    def querygen_providers(self) -> list[Component[Any, Any]]:
        return self._declared("model")

    @hookimpl
    def querygen_generators(self) -> list[Component[Any, Any]]:
        return self._declared("generator")

    @hookimpl
    def querygen_postprocessors(self) -> list[Component[Any, Any]]:
        return self._declared("postprocessor")

    @hookimpl
    def querygen_sinks(self) -> list[Component[Any, Any]]:
        return self._declared("sink")

    @hookimpl
    def querygen_observers(self) -> list[Component[Any, Any]]:
        return self._declared("observer")


def _module(job: InProcessJob, components: Mapping[str, Mapping[str, Any]]) -> str:
    """Of the first component that is not one of querygen's doubles, else of the job's class."""
    objects = (thing for by_name in components.values() for thing in by_name.values())
    modules = (str((thing if isinstance(thing, type) else type(thing)).__module__) for thing in objects)
    return next((module for module in modules if not module.startswith("querygen_core.")), type(job).__module__)


def _returns(thing: Any) -> Callable[[Options, Context], Any]:
    return lambda _options, _context: thing() if isinstance(thing, type) else thing
