"""The sections of a config, item by item: the keys that are querygen's own, then the component's options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from querygen_core.api import NamesAModel, NamesAPrompt, Options
from querygen_core.canonical import canonical_json
from querygen_core.config.options import as_written, leaves, names_in
from querygen_core.config.pipeline import GeneratorPart, ModelPart, Part, SinkPart
from querygen_core.config.reading import Reading
from querygen_core.config.settings import DEFAULT_USE, Generator, Item, Model, Sink, Step
from querygen_core.config.wording import MISSING
from querygen_core.declarations import Kind, Registered
from querygen_core.errors import ConfigError
from querygen_core.problems import Trail, quoted, show
from querygen_core.secrets import Secret
from querygen_core.suggest import hint

I = TypeVar("I", bound=Item)  # noqa: E741 - I for item


@dataclass(frozen=True, slots=True)
class _Entry(Generic[I]):
    """A part, and what stands beside its options."""

    part: Part
    item: I
    trail: Trail


class Parts:
    """Reads one section after the other. A broken item is left out; the reading's problems say why."""

    def __init__(self, reading: Reading, load_prompt: Callable[[str], object]) -> None:
        self._reading = reading
        self._load_prompt = load_prompt
        self._names: dict[str, dict[str, Trail]] = {}

    def one(self, section: str, kind: Kind) -> Part | None:
        data = self._reading.data.get(section, {"use": DEFAULT_USE.get(section)})
        entry = self._entry(kind, Item, data, (section,)) if isinstance(data, dict) else None
        return entry.part if entry else None

    def models(self) -> dict[str, ModelPart]:
        models = {}
        for name, data in self._reading.mapping("models").items():
            if isinstance(data, dict) and (entry := self._entry("provider", Model, data, ("models", name), name)):
                models[name] = ModelPart(entry.part, entry.item.rpm, entry.item.tpm, entry.item.concurrency)
        return models

    def steps(self, section: str, kind: Kind) -> tuple[Part, ...]:
        return tuple(entry.part for entry in self._list(section, kind, Step))

    def generators(self) -> tuple[GeneratorPart, ...]:
        return tuple(
            GeneratorPart(entry.part, entry.item.query_type or entry.part.name, entry.item.count)
            for entry in self._list("generators", "generator", Generator)
        )

    def sinks(self) -> tuple[SinkPart, ...]:
        entries = list(self._list("sinks", "sink", Sink))
        first: dict[str, Part] = {}
        for entry in entries:
            same = first.setdefault(self._content(entry), entry.part)
            if same is not entry.part:
                self._reading.add(entry.trail, f"is the same as {same.path}: equal use and options")
        return tuple(SinkPart(entry.part, entry.item.required) for entry in entries)

    def _content(self, entry: _Entry[Sink]) -> str:
        """What makes two sinks the same. Secrets are compared as the file has them."""
        options = entry.part.options
        found = [trail for trail, leaf in leaves(options) if isinstance(leaf, Secret)]
        secrets = [self._reading.text_at((*entry.trail, *trail)) for trail in found]
        return canonical_json([entry.part.use, as_written(options), secrets])

    def _list(self, section: str, kind: Kind, model: type[I]) -> Iterator[_Entry[I]]:
        items = self._reading.data.get(section)
        for index, data in enumerate(items if isinstance(items, list) else ()):
            if isinstance(data, dict) and (entry := self._entry(kind, model, data, (section, index))):
                yield entry

    def _entry(
        self, kind: Kind, model: type[I], data: dict[str, Any], trail: Trail, name: str = ""
    ) -> _Entry[I] | None:
        own = frozenset(model.model_fields)
        item = self._reading.read(model, {key: value for key, value in data.items() if key in own}, trail)
        use = data.get("use", DEFAULT_USE.get(str(trail[0])))
        name = name or self._name(data.get("name"), str(use), trail)
        registered = self._registered(kind, use, trail, own) if isinstance(use, str) else None
        if registered is None:
            return None
        given = {key: value for key, value in data.items() if key not in own}
        options = self._reading.read(registered.component.options, given, trail, beside=own - data.keys())
        if options is None:
            return None
        self._check_names(options, trail)
        if item is None:
            return None
        return _Entry(Part(name, item.use, kind, options, registered, show(trail)), item, trail)

    def _registered(self, kind: Kind, use: str, trail: Trail, own: frozenset[str]) -> Registered | None:
        registered = self._reading.find(kind, use, (*trail, "use"))
        if registered and (hidden := own & registered.component.options.model_fields.keys()):
            message = f"{use!r} cannot be used: its options {sorted(hidden)} are keys of querygen itself"
            self._reading.add((*trail, "use"), message)
            return None
        return registered

    def _name(self, given: object, use: str, trail: Trail) -> str:
        """The name given, or the first of `use`, `use#2`, … that is free in the section."""
        taken = self._names.setdefault(str(trail[0]), {})
        if isinstance(given, str):
            if given in taken:
                self._reading.add((*trail, "name"), f"{quoted(given)} is the name of {show(taken[given])} already")
            taken.setdefault(given, trail)
            return given
        if given is None and trail[0] == "generators" and use == "core/prompt":
            self._reading.add((*trail, "name"), MISSING)
        name, number = use, 1
        while name in taken:
            number += 1
            name = f"{use}#{number}"
        taken[name] = trail
        return name

    def _check_names(self, options: Options, trail: Trail) -> None:
        models = self._reading.mapping("models")
        for inner, name in names_in(options, NamesAModel):
            if name not in models and ("models",) not in self._reading.meant:
                known = hint(name, models) or f"; there are {', '.join(map(quoted, models)) or 'none'}"
                self._reading.add((*trail, *inner), f"there is no model {quoted(name)} under `models`{known}")
        for inner, name in names_in(options, NamesAPrompt):
            try:
                self._load_prompt(name)
            except ConfigError as exc:
                for problem in exc.problems:
                    self._reading.add((*trail, *inner), problem)
