"""What `querygen check` looks at beside the config itself: secrets and input; with `--connect` all that a run uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from querygen_core.cli.problems import ProblemCollector
from querygen_core.contracts.abilities import ChecksLocally
from querygen_core.contracts.errors import ErrorKind, InputError, QuerygenError
from querygen_core.contracts.protocols import Input
from querygen_core.contracts.records import Reject
from querygen_core.engine.build import Builder
from querygen_core.engine.shutdown import Shutdown
from querygen_core.registry import BuiltComponent
from querygen_core.secrets.store import Reference
from querygen_core.strict_yaml.diagnostics import KeyPath, Problem

log = logging.getLogger("querygen.check")

_FIRST_RECORDS = 50  # as many as a run looks at before it pays for anything

PlacedProblem = tuple[Problem, ErrorKind]
Named = tuple[str, BuiltComponent[object]]


def _models(builder: Builder) -> list[Named]:
    """The models, each with a name for messages."""
    return [(f"models.{name}", model.provider) for name, model in builder.models(Shutdown()).items()]


def _observers(builder: Builder) -> list[Named]:
    return [(f"observer {name}", observer) for name, observer in builder.observers()]


def data_components(builder: Builder) -> list[Named]:
    """Input, preprocessors and sinks, in the order in which a product passes them, each with a name for messages."""
    components: list[Named] = [(f"input {builder.pipeline.input.use}", builder.input())]
    components += [(f"preprocessor {step.use}", step) for step in builder.preprocessors()]
    return components + [(f"sink {sink_run.name}", sink_run.component) for sink_run in builder.sinks()]


@dataclass(slots=True)
class Readiness:
    """Looks at a config's secrets and components, and puts what is wrong into a collector."""

    builder: Builder
    """Builds the components."""
    collector: ProblemCollector
    """Takes the problems."""
    _broken: list[KeyPath] = field(default_factory=list)
    """Paths of what has a problem already, so that it is not reported once more by whoever uses it."""

    async def look(self) -> None:
        """At what this machine alone can tell."""
        self.collector.add_placed([*self._secrets(everywhere=False), *self._input()])

    async def connect(self) -> None:
        """At everything. No look makes a paid call."""
        secrets = await asyncio.to_thread(self._secrets, everywhere=True)
        self.collector.add_placed([*secrets, *self._input()])
        if journal := self.builder.remote_journal():
            self.builder.closing.push_async_callback(journal.aclose)
            await self.collector.attempt("journal", nullcontext(), journal.check)
        for part in (_models, data_components, _observers):
            for where, component in self._built(part):
                if not self._is_broken(component):
                    await self.collector.attempt(where, nullcontext(), component.check)
        await self._first_record()

    def _built(self, part: Callable[[Builder], Sequence[Named]]) -> Sequence[Named]:
        try:
            return part(self.builder)
        except QuerygenError as error:
            self.collector.add(str(error), error.kind)
            return ()

    def _secrets(self, *, everywhere: bool) -> list[PlacedProblem]:
        """Those that cannot be fetched. everywhere: also from resolvers that need a network."""
        places = self.builder.pipeline.places
        errors: dict[Reference, QuerygenError | None] = {}
        problems: list[PlacedProblem] = []
        for path, reference in places.references:
            if reference not in errors:
                errors[reference] = self._fetch(reference, everywhere=everywhere)
            if (error := errors[reference]) is not None:
                problems.append((places.problem(path, str(error)), error.kind))
                self._broken.append(path)
        return problems

    def _fetch(self, reference: Reference, *, everywhere: bool) -> QuerygenError | None:
        pipeline, registry = self.builder.pipeline, self.builder.registry
        try:
            if everywhere or registry.resolver(reference.use, pipeline.config_dir).is_local:
                pipeline.secret_store.get(reference)
        except QuerygenError as error:
            return error
        return None

    def _input(self) -> list[PlacedProblem]:
        """What this machine alone can tell of the input."""
        config, places = self.builder.pipeline.input, self.builder.pipeline.places
        path = places.path_of(config.path)
        if config.late:  # to build it would fetch a secret
            return []
        try:
            component = self.builder.input()
            with component.guard:
                input_ = component.instance
                found = dict(input_.check_locally()) if isinstance(input_, ChecksLocally) else {}
        except QuerygenError as error:
            found = {"": error}
        if found:
            self._broken.append(path)
        return [
            (places.problem((*path, option) if option else path, str(error)), error.kind)
            for option, error in found.items()
        ]

    async def _first_record(self) -> None:
        try:
            component = self.builder.input()
        except QuerygenError:
            return  # reported already
        if not self._is_broken(component):
            read = partial(asyncio.to_thread, _read_first, component)
            await self.collector.attempt(f"input {component.use}", nullcontext(), read)

    def _is_broken(self, component: BuiltComponent[object]) -> bool:
        path = self.builder.pipeline.places.path_of(component.path)
        return any(broken[: len(path)] == path for broken in self._broken)


def _read_first(component: BuiltComponent[Input]) -> None:
    """Read records until one is a product; a warning names the first that is not.

    Raises:
        InputError: none of the first ones is a product, or the input cannot be read.
    """
    rejects: list[Reject] = []
    with component.guard:
        records = component.instance.read()
        try:
            for record in islice(records, _FIRST_RECORDS):
                if not isinstance(record, Reject):
                    break
                rejects.append(record)
            else:
                raise InputError(_no_product(rejects))
        finally:
            if isinstance(records, Generator):
                records.close()
    if rejects:
        log.warning("input %s: the first record would be rejected: %s", component.use, _shown(rejects[0]))


def _no_product(rejects: Sequence[Reject]) -> str:
    if not rejects:
        return "the input has no records"
    return f"none of the first {len(rejects)} records is a product, beginning with {_shown(rejects[0])}"


def _shown(reject: Reject) -> str:
    place = f"{reject.file}:{reject.line}: " if reject.file else ""
    return f"{place}{reject.reason}: {reject.message}"
