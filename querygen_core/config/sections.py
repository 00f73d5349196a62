"""Reads the sections of a config entry by entry: querygen's own keys, then the component's options."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from querygen_core.api import ModelRef, Options, PromptRef
from querygen_core.config.late_options import late_keys, with_late
from querygen_core.config.models import DEFAULT_USE, ComponentEntry, Generator, Model, Sink, Step
from querygen_core.config.options import as_written, leaves, names_in
from querygen_core.config.pipeline import ComponentConfig, GeneratorConfig, ModelConfig, SinkConfig
from querygen_core.config.validation import ConfigReader
from querygen_core.config.validation_messages import MISSING
from querygen_core.contracts.canonical import canonical_json
from querygen_core.contracts.errors import ConfigError
from querygen_core.registry import Kind, Registered
from querygen_core.secrets.secret import Secret
from querygen_core.strict_yaml.diagnostics import KeyPath, quoted, show
from querygen_core.strict_yaml.suggest import did_you_mean

EntryT = TypeVar("EntryT", bound=ComponentEntry)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[EntryT]):
    """One valid entry of a section. item: querygen's own keys."""

    component: ComponentConfig
    item: EntryT
    path: KeyPath


class SectionReader:
    """Reads one section after the other. An invalid entry is left out; the config reader has its problems."""

    def __init__(self, config_reader: ConfigReader, load_prompt: Callable[[str], object]) -> None:
        self._config_reader = config_reader
        self._load_prompt = load_prompt
        self._names: dict[str, dict[str, KeyPath]] = {}

    def one(self, section: str, kind: Kind) -> ComponentConfig | None:
        data = self._config_reader.data.get(section, {"use": DEFAULT_USE.get(section)})
        entry = self._entry(kind, ComponentEntry, data, (section,)) if isinstance(data, dict) else None
        return entry.component if entry else None

    def models(self) -> dict[str, ModelConfig]:
        models = {}
        for name, data in self._config_reader.mapping("models").items():
            if isinstance(data, dict) and (entry := self._entry("provider", Model, data, ("models", name), name)):
                models[name] = ModelConfig(entry.component, entry.item.rpm, entry.item.tpm, entry.item.concurrency)
        return models

    def steps(self, section: str, kind: Kind) -> tuple[ComponentConfig, ...]:
        return tuple(entry.component for entry in self._list(section, kind, Step))

    def generators(self) -> tuple[GeneratorConfig, ...]:
        return tuple(
            GeneratorConfig(
                entry.component,
                entry.item.query_type or entry.component.name,
                entry.item.count,
                entry.item.edition,
                entry.item.ask,
            )
            for entry in self._list("generators", "generator", Generator)
        )

    def sinks(self) -> tuple[SinkConfig, ...]:
        entries = list(self._list("sinks", "sink", Sink))
        first: dict[str, ComponentConfig] = {}
        for entry in entries:
            same = first.setdefault(self._content(entry), entry.component)
            if same is not entry.component:
                self._config_reader.add(
                    entry.path, f"duplicates {same.path}, with the same `use` and options; remove one of them"
                )
        return tuple(SinkConfig(entry.component, entry.item.required) for entry in entries)

    def _content(self, entry: _Entry[Sink]) -> str:
        """Equal for two sinks that do the same. Secrets are compared as written, because they are not fetched yet."""
        options = entry.component.options
        secret_paths = [path for path, leaf in leaves(options) if isinstance(leaf, Secret)]
        secrets = [self._config_reader.original_at((*entry.path, *path)) for path in secret_paths]
        return canonical_json([entry.component.use, as_written(options), secrets])

    def _list(self, section: str, kind: Kind, model: type[EntryT]) -> Iterator[_Entry[EntryT]]:
        items = self._config_reader.data.get(section)
        for index, data in enumerate(items if isinstance(items, list) else ()):
            if isinstance(data, dict) and (entry := self._entry(kind, model, data, (section, index))):
                yield entry

    def _entry(
        self, kind: Kind, model: type[EntryT], data: dict[str, Any], path: KeyPath, name: str = ""
    ) -> _Entry[EntryT] | None:
        common_keys = frozenset(model.model_fields)
        item = self._config_reader.validate_strictly(
            model, {key: value for key, value in data.items() if key in common_keys}, path
        )
        use = data.get("use", DEFAULT_USE.get(str(path[0])))
        # The name is taken even if the entry is invalid, so that a second entry with the same name is reported.
        name = name or self._name(data.get("name"), str(use), path)
        registered = self._registered(kind, use, path, common_keys) if isinstance(use, str) else None
        if registered is None:
            return None
        option_values = {key: value for key, value in data.items() if key not in common_keys}
        declared = registered.component.options
        late = late_keys(declared, option_values)
        options = self._config_reader.validate_strictly(
            with_late(declared, late) if late else declared, option_values, path, common_keys - data.keys(), late
        )
        if options is None:
            return None
        self._check_names(options, path)
        if item is None:
            return None
        component = ComponentConfig(
            name,
            item.use,
            kind,
            options,
            registered,
            show(path),
            late=option_values if late else None,
            kept=self._config_reader.plain_passwords(options, path),
        )
        return _Entry(component, item, path)

    def _registered(self, kind: Kind, use: str, path: KeyPath, common_keys: frozenset[str]) -> Registered | None:
        registered = self._config_reader.component(kind, use, (*path, "use"))
        if registered and (hidden := common_keys & registered.component.options.model_fields.keys()):
            message = f"{use!r} cannot be used: its options {sorted(hidden)} clash with querygen's own keys"
            self._config_reader.add((*path, "use"), message)
            return None
        return registered

    def _name(self, name: object, use: str, path: KeyPath) -> str:
        """The name in the config, or the first of `use`, `use#2`, … that is free in the section."""
        taken = self._names.setdefault(str(path[0]), {})
        if isinstance(name, str):
            if name in taken:
                self._config_reader.add(
                    (*path, "name"), f"the name {quoted(name)} is already used by {show(taken[name])}; choose another"
                )
            taken.setdefault(name, path)
            return name
        if name is None and path[0] == "generators" and use == "core/prompt":
            self._config_reader.add((*path, "name"), MISSING)
        name, number = use, 1
        while name in taken:
            number += 1
            name = f"{use}#{number}"
        taken[name] = path
        return name

    def _check_names(self, options: Options, path: KeyPath) -> None:
        models = self._config_reader.mapping("models")
        for inner, name in names_in(options, ModelRef):
            if name not in models and ("models",) not in self._config_reader.meant:
                known = f"; choose one of {', '.join(map(quoted, models))}" if models else "; add it there"
                advice = did_you_mean(name, models) or known
                self._config_reader.add((*path, *inner), f"there is no model {quoted(name)} under `models`{advice}")
        for inner, name in names_in(options, PromptRef):
            try:
                self._load_prompt(name)
            except ConfigError as exc:
                for problem in exc.problems:
                    self._config_reader.add((*path, *inner), problem)
