"""Lists the plugins that a config needs, without loading any: an image is built with just these."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from querygen_core.config.interpolation import pieces
from querygen_core.config.models import DEFAULT_USE
from querygen_core.contracts.errors import ConfigError
from querygen_core.secrets.store import Reference
from querygen_core.strict_yaml.diagnostics import KeyPath, Problem, lines, quoted
from querygen_core.strict_yaml.source import Source, read

_CORE = "core"
_LISTS = ("preprocessors", "generators", "postprocessors", "sinks", "observers")
_PLUGIN_OF_SCHEME = {"file": _CORE, "s3": "aws"}
_SCHEMES = " or ".join(f"{scheme}://" for scheme in _PLUGIN_OF_SCHEME)
_USE = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)/[a-z0-9-]+")


def extras(path: str | os.PathLike[str]) -> list[str]:
    """The sorted names of the plugins whose components or secrets a config uses, without `core`.

    Plugins that are only needed for a URL (`s3://…`) in an option are not found: which options are URLs is not known
    here. `journal.url` is one.

    Raises:
        ConfigError: the file cannot be read, or a `use` is not written out.
    """
    source = read(Path(path))
    problems = list(source.problems)
    plugins: set[str] = set()
    for key_path, use in _uses(source.data):
        if match := _USE.fullmatch(use):
            plugins.add(match[1])
        else:
            message = f"{quoted(use)} should be written out as 'plugin/component', to know which plugin to install"
            problems.append(source.problem(key_path, message))
    if (url := _journal_url(source.data)) is not None:
        scheme = url.partition("://")[0]
        if scheme in _PLUGIN_OF_SCHEME:
            plugins.add(_PLUGIN_OF_SCHEME[scheme])
        else:
            message = f"{quoted(url)} should begin with {_SCHEMES}, to know which plugin to install"
            problems.append(source.problem(("journal", "url"), message))
    for key_path, text in _texts(source.data, ()):
        plugins |= _resolvers(source, key_path, text, problems)
    if problems:
        raise ConfigError(lines(problems))
    return sorted(plugins - {_CORE})


def _uses(data: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    entries: list[tuple[KeyPath, Any]] = [((key,), data.get(key) or {}) for key in ("input", "submit")]
    for section in _LISTS:
        value = data.get(section)
        entries += [((section, index), item) for index, item in enumerate(value if isinstance(value, list) else ())]
    models = data.get("models")
    entries += [(("models", name), item) for name, item in (models if isinstance(models, dict) else {}).items()]
    for path, item in entries:
        use = item.get("use", DEFAULT_USE.get(str(path[0]))) if isinstance(item, dict) else None
        if isinstance(use, str):
            yield (*path, "use"), use


def _journal_url(data: dict[str, Any]) -> str | None:
    journal = data.get("journal")
    url = journal.get("url") if isinstance(journal, dict) else None
    return url if isinstance(url, str) else None


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _resolvers(source: Source, path: KeyPath, text: str, problems: list[Problem]) -> set[str]:
    try:
        references = [piece for piece in pieces(text) if isinstance(piece, Reference)]
    except ValueError as exc:
        problems.append(source.problem(path, str(exc)))
        return set()
    return {reference.use.partition("/")[0] for reference in references}
