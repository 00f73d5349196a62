"""What a request asks for, read from the JSON blocks of its rendered prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.api import ProviderError, Request

_BLOCK = re.compile(r"<(product|request)-([0-9a-f]{8})>(.*?)</\1-\2>", re.DOTALL)
_COUNT = re.compile(r"\b(\d{1,3})\b[^.?!\n]{0,40}\bquestions\b")
_USUAL_COUNT = 25
_MOST = 500


@dataclass(frozen=True, slots=True)
class Task:
    """product: the fields that the prompt shows. plan: sub_type → count, empty if the prompt has none.

    accepted: questions not to be asked again. labels: which of a question's labels the answer has room for; None if
    questions are wanted as bare texts.
    """

    product: Mapping[str, Any]
    query_type: str
    locale: str
    count: int
    plan: Mapping[str, int] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    labels: frozenset[str] | None = None


def read_task(request: Request) -> Task:
    """The task in a request. Without a `<request-…>` block the prompt's own words say how many, and of what type.

    Raises:
        ProviderError: `bad_request`: a block is no JSON object, or the schema wants something other than questions.
    """
    labels = _read_labels(request.schema)
    blocks = {match[1]: _read_block(match[1], match[3]) for match in _BLOCK.finditer(request.prompt)}
    product, asked = blocks.get("product", {}), blocks.get("request", {})
    plan = asked.get("plan")
    accepted = asked.get("accepted")
    return Task(
        product=product,
        query_type=str(asked.get("query_type") or _guess_type(request.prompt)),
        locale=str(asked.get("locale") or product.get("locale") or "en"),
        count=_whole(asked.get("count"), _guess_count(request.prompt)),
        plan={str(name): _whole(count, 0) for name, count in plan.items()} if isinstance(plan, Mapping) else {},
        accepted=tuple(map(str, accepted)) if isinstance(accepted, list) else (),
        labels=labels,
    )


def _read_block(tag: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProviderError("bad_request", f"the prompt's <{tag}-…> block should hold one JSON object")
    return value


def _read_labels(schema: Mapping[str, Any] | None) -> frozenset[str] | None:
    if schema is None:
        return None
    items = _inner(_inner(_inner(schema, "properties"), "questions"), "items")
    if not items:
        raise ProviderError("bad_request", "this model only answers a schema with an array `questions`")
    return frozenset(_inner(items, "properties")) if items.get("type") == "object" else None


def _inner(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = schema.get(key)
    return value if isinstance(value, Mapping) else {}


def _whole(value: object, fallback: int) -> int:
    return min(value, _MOST) if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else fallback


def _guess_type(prompt: str) -> str:
    return "market" if re.search(r"\bmarket\b", _BLOCK.sub("", prompt)) else "product"


def _guess_count(prompt: str) -> int:
    found = _COUNT.search(_BLOCK.sub("", prompt))
    return int(found[1]) if found else _USUAL_COUNT
