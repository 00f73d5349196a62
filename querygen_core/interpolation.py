"""`${…}` in the values of a config.

`${NAME}`, `${NAME:-default}`   the environment variable; the default also if it is empty
`${secret:resolver:name#field}` a secret, fetched when it is used; resolver `env`, `file` or `plugin/name`
`$${`                           the characters `${`

Once, after parsing, in values only: what is filled in is never parsed again, as YAML or for another `${`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.problems import Problem, Trail, quoted
from querygen_core.secrets import Secret
from querygen_core.source import Source
from querygen_core.vault import Reference, Vault

_PIECE = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_REFERENCE = re.compile(r"secret:([a-z0-9-]+(?:/[a-z0-9-]+)?):(.+)", re.DOTALL)
_FORMS = "write ${NAME}, ${NAME:-default} or ${secret:resolver:name}, or $${ for the characters ${"


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    default: str | None


@dataclass(slots=True)
class Filling:
    """What became of a source's values. filled: the text as written, wherever something was filled in."""

    data: dict[str, Any]
    filled: dict[Trail, str] = field(default_factory=dict)
    references: list[tuple[Trail, Reference]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def fill(source: Source, environ: Mapping[str, str], vault: Vault) -> Filling:
    """A copy of the source's data with every `${…}` replaced; text that holds a secret becomes a `Secret`.

    Nothing is fetched; `vault` is asked when a secret is revealed. Equal texts share one `Secret`.
    """
    filler = _Filler(source, environ, vault)
    filler.filling.data = filler.value(source.data, ())
    return filler.filling


class _Filler:
    def __init__(self, source: Source, environ: Mapping[str, str], vault: Vault) -> None:
        self.filling = Filling({})
        self._source = source
        self._environ = environ
        self._vault = vault
        self._secrets: dict[str, Secret] = {}

    def value(self, given: Any, trail: Trail) -> Any:
        if isinstance(given, dict):
            return {key: self.value(item, (*trail, key)) for key, item in given.items()}
        if isinstance(given, list):
            return [self.value(item, (*trail, index)) for index, item in enumerate(given)]
        return self._text(given, trail) if isinstance(given, str) and "${" in given else given

    def _text(self, given: str, trail: Trail) -> str | Secret | None:
        try:
            parsed = list(pieces(given))
        except ValueError as exc:
            self._unusable(trail, str(exc))
            return None
        variables = [piece for piece in parsed if isinstance(piece, Variable)]
        troubles = [trouble for variable in variables if (trouble := _trouble(variable, self._environ))]
        if troubles:
            self._unusable(trail, *troubles)
            return None
        references = [piece for piece in parsed if isinstance(piece, Reference)]
        self.filling.references += [(trail, reference) for reference in references]
        if variables or references:
            self.filling.filled[trail] = given
        parts = [_filled(piece, self._environ) for piece in parsed]
        if references:
            return self._secrets.setdefault(given, self._vault.secret(given, parts))
        return "".join(part for part in parts if isinstance(part, str))

    def _unusable(self, trail: Trail, *messages: str) -> None:
        self.filling.problems += [self._source.problem(trail, message) for message in messages]


def pieces(text: str) -> Iterator[str | Variable | Reference]:
    """The literal and the `${…}` parts of a text.

    Raises:
        ValueError: a `${` that is none of the forms; the message says what to write.
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


def escape(text: str) -> str:
    """`text` so that `fill` gives it back as it is."""
    return text.replace("${", "$${")


def _expression(inner: str) -> Variable | Reference:
    if "${" in inner:
        raise ValueError("'${' cannot stand inside '${…}'")
    if match := _REFERENCE.fullmatch(inner):
        name, mark, part = match[2].rpartition("#")
        if mark and not (name and part):
            raise ValueError(f"a name or field is missing beside '#' in {quoted('${' + inner + '}')}")
        return Reference(match[1], name if mark else part, part if mark else None)
    if match := _VARIABLE.fullmatch(inner):
        return Variable(match[1], match[2])
    raise ValueError(f"{quoted('${' + inner + '}')} is not understood: {_FORMS}")


def _trouble(variable: Variable, environ: Mapping[str, str]) -> str | None:
    """Why a variable cannot be filled in."""
    name, value = variable.name, environ.get(variable.name)
    if value and not _is_unicode(value):
        return f"the environment variable {name} is not UTF-8 text"
    if value or variable.default is not None:
        return None
    if value is None:
        return f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}"
    return f"the environment variable {name} is empty; if that is meant, write ${{{name}:-}}"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _filled(piece: str | Variable | Reference, environ: Mapping[str, str]) -> str | Reference:
    return (environ.get(piece.name) or piece.default or "") if isinstance(piece, Variable) else piece
