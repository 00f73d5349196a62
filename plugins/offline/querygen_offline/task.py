"""The task in a request, parsed from the JSON blocks of its rendered prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.api import ProviderError, Request

# The tag's suffix must be the same at both ends, so that a product's text cannot close its block.
_BLOCK = re.compile(r"<(product|request)-([0-9a-f]{8})>(.*?)</\1-\2>", re.DOTALL)
# "Write 12 short questions": a number and, in the same sentence, the word.
_COUNT = re.compile(r"\b(\d{1,3})\b[^.?!\n]{0,40}\bquestions\b")
_DEFAULT_COUNT = 25
_MAX_COUNT = 500


@dataclass(frozen=True, slots=True)
class Task:
    product: Mapping[str, Any]
    """The product's fields that the prompt shows."""

    query_type: str
    """`product`, `market` or a name of the prompt's own."""

    locale: str
    """Language of the questions, as BCP 47."""

    count: int
    """Number of questions to write, 0 to 500."""

    plan: Mapping[str, int] = field(default_factory=dict)
    """sub_type → number of questions; empty if the prompt has no plan."""

    accepted: tuple[str, ...] = ()
    """Questions that exist already and must not be repeated."""

    dropped: tuple[str, ...] = ()
    """Questions that were refused; writing them again would be no use."""

    labels: frozenset[str] | None = None
    """The labels that the schema has for a question; empty: all are wanted; None: questions are bare texts."""

    groups: tuple[str, ...] = ()
    """The schema's arrays, if it has one per sub_type; empty if it has one array `questions`."""

    may_be_short: bool = False
    """Whether the answer may say in `short` that there are no more questions."""


def parse_task(request: Request) -> Task:
    """The task in a request. Without a `<request-…>` block, count and type are guessed from the prompt's own words.

    Raises:
        ProviderError: `bad_request`: a block is not a JSON object, or the schema has no array.
    """
    arrays = _parse_arrays(request.schema)
    items = _get_mapping(next(iter(arrays.values()), {}), "items")
    blocks = {match[1]: _parse_block(match[1], match[3]) for match in _BLOCK.finditer(request.prompt)}
    product_block, request_block = blocks.get("product", {}), blocks.get("request", {})
    plan = request_block.get("plan")
    accepted, dropped = request_block.get("accepted"), request_block.get("dropped")
    return Task(
        product=product_block,
        query_type=str(request_block.get("query_type") or _guess_type(request.prompt)),
        locale=str(request_block.get("locale") or product_block.get("locale") or "en"),
        count=_to_count(request_block.get("count"), _guess_count(request.prompt)),
        plan={str(name): _to_count(count, 0) for name, count in plan.items()} if isinstance(plan, Mapping) else {},
        accepted=tuple(map(str, accepted)) if isinstance(accepted, list) else (),
        dropped=tuple(map(str, dropped)) if isinstance(dropped, list | dict) else (),
        labels=frozenset(_get_mapping(items, "properties")) if items.get("type") == "object" else None,
        groups=() if "questions" in arrays else tuple(arrays),
        may_be_short="short" in _get_mapping(request.schema or {}, "properties"),
    )


def _parse_block(tag: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProviderError("bad_request", f"the prompt's <{tag}-…> block should contain one JSON object")
    return value


def _parse_arrays(schema: Mapping[str, Any] | None) -> Mapping[str, Mapping[str, Any]]:
    """The array `questions`, or else every array of the schema; empty without a schema."""
    if schema is None:
        return {}
    properties = _get_mapping(schema, "properties")
    arrays = {
        name: _get_mapping(properties, name) for name in properties if _get_mapping(properties, name).get("items")
    }
    if "questions" in arrays:
        return {"questions": arrays["questions"]}
    if not arrays or "questions" in properties:
        raise ProviderError("bad_request", "the prompt's schema should have an array `questions`, or one per sub_type")
    return arrays


def _get_mapping(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = schema.get(key)
    return value if isinstance(value, Mapping) else {}


def _to_count(value: object, default: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return min(value, _MAX_COUNT)
    return default


def _guess_type(prompt: str) -> str:
    # Without the blocks, because the text of a product must not decide the type.
    return "market" if re.search(r"\bmarket\b", _BLOCK.sub("", prompt)) else "product"


def _guess_count(prompt: str) -> int:
    match = _COUNT.search(_BLOCK.sub("", prompt))
    return int(match[1]) if match else _DEFAULT_COUNT
