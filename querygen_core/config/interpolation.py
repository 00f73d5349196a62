"""Replaces `${…}` in the values of a config.

`${NAME}`, `${NAME:-default}`   an environment variable; the default applies if it is unset or empty
`${secret:resolver:name#field}` a secret, fetched when it is used; resolver `env`, `file` or `plugin/name`
`$${`                           the characters `${`

Values are replaced once, after parsing: the result is never parsed again, as YAML or for another `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.secrets.secret import Secret
from querygen_core.secrets.store import Reference, SecretStore
from querygen_core.strict_yaml.diagnostics import KeyPath, Problem, quoted
from querygen_core.strict_yaml.source import Source

# An escaped `$${`, a closed `${…}`, or a `${` that is never closed.
_PIECE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_REFERENCE = re.compile(r"secret:([a-z0-9-]+(?:/[a-z0-9-]+)?):(.+)", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default} or ${secret:resolver:name}, or $${ for the characters ${"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${NAME}` or `${NAME:-default}`."""

    name: str
    """Name of the environment variable."""
    default: str | None
    """Value if the variable is unset or empty; None: it must be set."""


@dataclass(slots=True)
class Interpolated:
    """The values of a source after interpolation."""

    data: dict[str, Any]
    """The data with every `${…}` replaced; a text that refers to a secret is a `Secret`."""
    original: dict[KeyPath, str] = field(default_factory=dict)
    """The text as written, for each value that was interpolated."""
    references: list[tuple[KeyPath, Reference]] = field(default_factory=list)
    """All references to secrets, with the paths of the values that hold them."""
    problems: list[Problem] = field(default_factory=list)
    """`${…}` that could not be replaced; their values are None."""


def interpolate(source: Source, environ: Mapping[str, str], secret_store: SecretStore) -> Interpolated:
    """Replace every `${…}` in a copy of the source's data.

    No secret is fetched: `secret_store` is asked when one is revealed. Equal texts share one `Secret`.
    """
    interpolator = _Interpolator(source, environ, secret_store)
    interpolator.result.data = interpolator.value(source.data, ())
    return interpolator.result


class _Interpolator:
    def __init__(self, source: Source, environ: Mapping[str, str], secret_store: SecretStore) -> None:
        self.result = Interpolated({})
        self._source = source
        self._environ = environ
        self._secret_store = secret_store
        self._secrets: dict[str, Secret] = {}

    def value(self, value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) and "${" in value else value

    def _text(self, text: str, path: KeyPath) -> str | Secret | None:
        try:
            parsed = list(pieces(text))
        except ValueError as exc:
            self._add(path, str(exc))
            return None
        variables = [piece for piece in parsed if isinstance(piece, Variable)]
        problems = [problem for variable in variables if (problem := _problem(variable, self._environ))]
        if problems:
            self._add(path, *problems)
            return None
        references = [piece for piece in parsed if isinstance(piece, Reference)]
        self.result.references += [(path, reference) for reference in references]
        # Messages quote this text and never the value, which may come from the environment.
        if variables or references:
            self.result.original[path] = text
        parts = [_replaced(piece, self._environ) for piece in parsed]
        if references:
            return self._secrets.setdefault(text, self._secret_store.secret(text, parts))
        return "".join(part for part in parts if isinstance(part, str))

    def _add(self, path: KeyPath, *messages: str) -> None:
        self.result.problems += [self._source.problem(path, message) for message in messages]


def pieces(text: str) -> Iterator[str | Variable | Reference]:
    """The literal pieces and the `${…}` expressions of a text, in order.

    Raises:
        ValueError: a `${` starts none of the known forms; the message says what to write.
    """
    done = 0
    for match in _PIECE.finditer(text):
        yield text[done : match.start()]
        done = match.end()
        if match[0] == "$${":
            yield "${"
        elif match[1] is None:
            raise ValueError(f"'${{' is not closed: {_FORMS}")
        else:
            yield _expression(match[1])
    yield text[done:]


def references_in(value: Any) -> Iterator[Reference]:
    """The secrets that a value of a validated config refers to, at any depth."""
    if isinstance(value, dict):
        for item in value.values():
            yield from references_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from references_in(item)
    elif isinstance(value, str):
        yield from (piece for piece in pieces(value) if isinstance(piece, Reference))


def escape(text: str) -> str:
    """Escape `text` so that `interpolate` returns it unchanged."""
    return text.replace("${", "$${")


def _expression(inner: str) -> Variable | Reference:
    if "${" in inner:
        raise ValueError("'${' cannot be nested inside '${…}'")
    if match := _REFERENCE.fullmatch(inner):
        name, mark, part = match[2].rpartition("#")
        if mark and not (name and part):
            raise ValueError(f"a name or field is missing next to '#' in {quoted('${' + inner + '}')}")
        return Reference(match[1], name if mark else part, part if mark else None)
    if match := _VARIABLE.fullmatch(inner):
        return Variable(match[1], match[2])
    raise ValueError(f"{quoted('${' + inner + '}')} is not valid: {_FORMS}")


def _problem(variable: Variable, environ: Mapping[str, str]) -> str | None:
    """Why a variable cannot be replaced, or None if it can."""
    name, value = variable.name, environ.get(variable.name)
    if value and not _is_unicode(value):
        return f"the environment variable {name} is not UTF-8 text; set it to UTF-8 text"
    if value or variable.default is not None:
        return None
    if value is None:
        return f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
    return f"the environment variable {name} is empty; set it, or write ${{{name}:-}} if an empty value is meant"


def _is_unicode(text: str) -> bool:
    # Python represents other bytes in the environment as lone surrogates, which cannot be encoded.
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _replaced(piece: str | Variable | Reference, environ: Mapping[str, str]) -> str | Reference:
    return (environ.get(piece.name) or piece.default or "") if isinstance(piece, Variable) else piece
