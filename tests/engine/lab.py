"""A whole job in this process: a real config, a real journal, the real engine; its parts do as a test tells them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from querygen_core.api import (
    Component,
    ModelName,
    Options,
    Outcome,
    Product,
    Receipt,
    Reject,
    Request,
    Response,
    hookimpl,
)
from querygen_core.config import load_pipeline
from querygen_core.engine.build import Settings
from querygen_core.engine.run import Result, run_job
from querygen_core.registry import Registry
from tests.engine.world import AskingGenerator, ScriptedProvider, questions

Record = Product | Reject


class AnyOptions(Options):
    label: str = Field("", description="Tells two parts apart, and two versions of one.")


class AskingOptions(AnyOptions):
    model: ModelName = Field(description="Who is asked.")


def product(number: int, **changes: Any) -> Product:
    return Product(**{"product_id": f"{number}", "title": f"Product {number}", "raw_ref": f"list:{number}", **changes})


def products(count: int) -> list[Product]:
    return [product(number) for number in range(count)]


def three_questions(request: Request, _number: int) -> Response:
    """What the model says if a test has nothing else in mind: three questions that name the product."""
    subject = " ".join(request.prompt.split()[:2])
    return questions(*(f"Is {subject} good in way {number}?" for number in range(3)))


@dataclass
class Shelf:
    """An input. `read_so_far` tells how lazily it is read; an exception among the records is raised in its place."""

    records: Iterable[Any]
    read_so_far: int = 0

    def read(self) -> Iterator[Record]:
        for record in self.records:
            self.read_so_far += 1
            if isinstance(record, BaseException):
                raise record
            yield record


@dataclass
class Table:
    """A sink that takes products one by one. `troubles` are raised by the next calls of `apply`, in order."""

    identity: str = "lab/table"
    unready: Exception | None = None
    troubles: list[BaseException] = field(default_factory=list)
    refuses: Callable[[Outcome], str | None] = lambda _outcome: None
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    applied: list[int] = field(default_factory=list)

    async def check(self) -> None:
        if self.unready is not None:
            raise self.unready

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        if self.troubles:
            raise self.troubles.pop(0)
        self.applied.append(len(outcomes))
        return [self._take(outcome) for outcome in outcomes]

    def _take(self, outcome: Outcome) -> Receipt:
        if error := self.refuses(outcome):
            return Receipt(product_key=outcome.product_key, error=error)
        before = set(self.held.get(outcome.product_key, ()))
        texts = tuple(query.text for query in outcome.queries)
        self.held[outcome.product_key] = texts
        new = len(set(texts) - before)
        return Receipt(
            product_key=outcome.product_key,
            delivered=new,
            unchanged=len(texts) - new,
            retired=len(before - set(texts)),
        )

    async def aclose(self) -> None: ...


@dataclass
class Page(Table):
    """A snapshot sink: `published` is what a reader sees."""

    identity: str = "lab/page"
    published: list[tuple[str, tuple[str, ...]]] | None = None
    publications: int = 0

    async def publish(self) -> int:
        if self.troubles:
            raise self.troubles.pop(0)
        self.published, self.held = list(self.held.items()), {}
        self.publications += 1
        return 0


@dataclass
class Ear:
    """An observer that remembers, and fails while `down`."""

    identity: str = "lab/ear"
    down: bool = False
    heard: list[tuple[int, str]] = field(default_factory=list)

    def on_fact(self, fact: Any) -> None:
        if self.down:
            raise ConnectionError("nobody listens")
        self.heard.append((fact.seq, fact.kind))


class _Plugin:
    """Offers the lab's objects, as they are, under their names."""

    querygen_api = 1

    def __init__(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        self._parts = parts

    def _components(self, kind: str) -> list[Component[Any, Any]]:
        options = AskingOptions if kind == "generator" else AnyOptions
        return [
            Component(
                name, options, lambda _options, _context, part=part: part() if isinstance(part, type) else part, "-"
            )
            for name, part in self._parts.get(kind, {}).items()
        ]

    @hookimpl
    def querygen_inputs(self):
        return self._components("input")

    @hookimpl
    def querygen_preprocessors(self):
        return self._components("preprocessor")

    @hookimpl
    def querygen_providers(self):
        return self._components("model")

    @hookimpl
    def querygen_generators(self):
        return self._components("generator")

    @hookimpl
    def querygen_postprocessors(self):
        return self._components("postprocessor")

    @hookimpl
    def querygen_sinks(self):
        return self._components("sink")

    @hookimpl
    def querygen_observers(self):
        return self._components("observer")


@dataclass
class Lab:
    """One job. Change what it is made of between runs; its state stays in `folder`."""

    folder: Path
    records: Iterable[Any] = ()
    script: Callable[[Request, int], Response | Exception] = three_questions
    input: Any = None
    model: Any = None
    generators: dict[str, Any] = field(default_factory=lambda: {"asking": AskingGenerator()})
    preprocessors: dict[str, Any] = field(default_factory=dict)
    postprocessors: dict[str, Any] = field(default_factory=dict)
    sinks: dict[str, Any] = field(default_factory=lambda: {"table": Table()})
    optional: set[str] = field(default_factory=set)
    observers: dict[str, Any] = field(default_factory=dict)
    runtime: dict[str, Any] = field(default_factory=dict)
    count: int = 3

    def __post_init__(self) -> None:
        self.model = self.model or ScriptedProvider(self.script)

    @property
    def table(self) -> Table:
        table: Table = self.sinks["table"]
        return table

    @property
    def state(self) -> Path:
        return self.folder / "state" / "lab"

    def run(self, *, watch: Any = None, **settings: Any) -> Result:
        return asyncio.run(self.running(watch=watch, **settings))

    async def running(self, *, watch: Any = None, **settings: Any) -> Result:
        registry = Registry({})
        parts = {
            "input": {"input": self.input or Shelf(self.records)}, "model": {"model": self.model},
            "generator": self.generators, "preprocessor": self.preprocessors, "postprocessor": self.postprocessors,
            "sink": self.sinks, "observer": self.observers,
        }  # fmt: skip
        registry.register(_Plugin(parts), "lab", "querygen-lab", "1")
        file = self.folder / "lab.yaml"
        file.write_text(json.dumps(self._config()), encoding="utf-8")
        pipeline = load_pipeline(file, environ={}, registry=registry)
        return await run_job(pipeline, Settings(**settings), registry, watch)

    def _config(self) -> dict[str, Any]:
        return {
            "job_id": "lab",
            "input": {"use": "lab/input"},
            "models": {"m": {"use": "lab/model"}},
            "generators": [
                {"name": name, "use": f"lab/{name}", "model": "m", "query_type": "product", "count": self.count}
                for name in self.generators
            ],
            "preprocessors": [{"use": f"lab/{name}"} for name in self.preprocessors],
            "postprocessors": [{"use": f"lab/{name}"} for name in self.postprocessors],
            "sinks": [
                {"use": f"lab/{name}", "name": name, "required": name not in self.optional} for name in self.sinks
            ],
            "observers": [{"use": f"lab/{name}"} for name in self.observers],
            "runtime": {"state_dir": str(self.folder / "state"), "concurrency": 4, **self.runtime},
        }

    def letters(self, folder: str = ".") -> list[dict[str, Any]]:
        text = (self.state / folder / "dead_letters.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.state / "journal.sqlite")) as db, db:
            return db.execute(query, values).fetchall()


def states(result: Result) -> dict[str, int]:
    """The states that occur."""
    names = ("done", "short", "rejected", "duplicate", "failed", "pending")
    return {name: result.report[name] for name in names if result.report[name]}
