"""Which plugins a config needs, without any of them: for building an image that has just these."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from querygen_core.config.settings import DEFAULT_USE
from querygen_core.errors import ConfigError
from querygen_core.interpolation import pieces
from querygen_core.problems import Problem, Trail, lines, quoted
from querygen_core.source import Source, read
from querygen_core.vault import Reference

_CORE = "core"
_LISTS = ("preprocessors", "generators", "postprocessors", "sinks", "observers")
_USE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/[a-z0-9-]+")


def extras(path: str | os.PathLike[str]) -> list[str]:
    """The names of the plugins, sorted, that the parts and secrets of a config use; `core` is always there.

    What a part reads by URL (`s3://…`) is not known before the plugins are.

    Raises:
        ConfigError: the file cannot be read, or does not say clearly what it uses.
    """
    source = read(Path(path))
    problems = list(source.problems)
    plugins: set[str] = set()
    for trail, use in _uses(source.data):
        if match := _USE.fullmatch(use):
            plugins.add(match[1])
        else:
            message = f"{quoted(use)} should be 'plugin/component', written out: only then it is known what to install"
            problems.append(source.problem(trail, message))
    for trail, text in _texts(source.data, ()):
        plugins |= _resolvers(source, trail, text, problems)
    if problems:
        raise ConfigError(lines(problems))
    return sorted(plugins - {_CORE})


def _uses(data: dict[str, Any]) -> Iterator[tuple[Trail, str]]:
    items: list[tuple[Trail, Any]] = [((key,), data.get(key) or {}) for key in ("input", "journal", "submit")]
    for section in _LISTS:
        given = data.get(section)
        items += [((section, index), item) for index, item in enumerate(given if isinstance(given, list) else ())]
    models = data.get("models")
    items += [(("models", name), item) for name, item in (models if isinstance(models, dict) else {}).items()]
    for trail, item in items:
        use = item.get("use", DEFAULT_USE.get(str(trail[0]))) if isinstance(item, dict) else None
        if isinstance(use, str):
            yield (*trail, "use"), use


def _texts(value: Any, trail: Trail) -> Iterator[tuple[Trail, str]]:
    if isinstance(value, str):
        yield trail, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*trail, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*trail, index))


def _resolvers(source: Source, trail: Trail, text: str, problems: list[Problem]) -> set[str]:
    try:
        references = [piece for piece in pieces(text) if isinstance(piece, Reference)]
    except ValueError as exc:
        problems.append(source.problem(trail, str(exc)))
        return set()
    return {reference.use.partition("/")[0] for reference in references}
