"""Whether a prompt's `output` is a JSON Schema: if not, a provider would refuse each request with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from querygen_core.strict_yaml.diagnostics import one_line

_MOST = 5
_LONGEST = 200
_TYPES = "a type is one of array, boolean, integer, null, number, object, string, or a list of them"


def schema_problems(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where `schema` breaks the rules of JSON Schema (2020-12, or the version that it names), and how."""
    from jsonschema.validators import validator_for  # here, for it takes long and few prompts need it

    validator = validator_for(schema)
    rules = validator(validator.META_SCHEMA)
    found = {tuple(error.absolute_path): error.message for error in rules.iter_errors(dict(schema))}
    for path, message in sorted(found.items(), key=lambda one: [str(step) for step in one[0]])[:_MOST]:
        yield path, _TYPES if path[-1:] == ("type",) else one_line(message)[:_LONGEST]
