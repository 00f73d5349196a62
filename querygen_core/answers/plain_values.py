"""Values that can be stored: no stumps, no infinities, and of texts only what a database and a file take."""

from __future__ import annotations

import math
from typing import Any

from querygen_core.answers.json_values import Stump
from querygen_core.answers.texts import storable

_MAX_DEPTH = 100


def is_storable(value: Any) -> bool:
    return not isinstance(value, Stump) and not (isinstance(value, float) and not math.isfinite(value))


def cleaned(value: Any, depth: int = 0) -> Any:
    """`value` with all that cannot be stored left out, and with None where it is nested too deeply."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict | list) and depth > _MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {storable(name): cleaned(one, depth + 1) for name, one in value.items() if is_storable(one)}
    if isinstance(value, list):
        return [cleaned(one, depth + 1) for one in value if is_storable(one)]
    return value


def has_stump(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict | list) and depth <= _MAX_DEPTH:
        return any(has_stump(one, depth + 1) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, Stump)
