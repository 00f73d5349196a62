from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from querygen_core.api import Request, Response
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)
from querygen_offline.model import OfflineModel
from querygen_offline.options import OfflineOptions

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")

LABELS = ("text", "sub_type", "facet", "persona", "stage", "brand_mode")
SCHEMA = {
    "type": "object",
    "properties": {
        "questions": {"type": "array", "items": {"type": "object", "properties": {label: {} for label in LABELS}}}
    },
}

KETTLE = {
    "title": "Brassline Tarn Gooseneck Kettle 1.0 L",
    "brand": "Brassline",
    "category_path": ["Kitchen", "Small Appliances", "Kettles"],
    "product_type": "electric gooseneck kettle",
    "description": "A thin spout, a heavy base and a handle that keeps the wrist straight. No lid falls off.",
    "bullet_points": ["Brew timer", "Counterbalanced handle"],
    "attributes": {
        "Capacity": "1.0 L",
        "Power": "1200 W",
        "Material": "brushed steel",
        "Colour": "matt black",
        "Noise level": "62 dB",
        "Dishwasher safe": "yes",
        "Origin": "a very long story about three valleys, two rivers and one potter",
        "EAN": "0012345678905",
    },
    "variant_options": {"Colour": ["Matt Black", "Cream"]},
    "audience": "coffee lovers, students",
    "competitors": ["Castermoor", "Brelldorf Aqua"],
    "locale": "en",
}


def block(tag: str, value: object) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"<{tag}-0123abcd>\n{text}\n</{tag}-0123abcd>"


@pytest.fixture
def kettle() -> dict[str, Any]:
    return json.loads(json.dumps(KETTLE))


@pytest.fixture
def write() -> Callable[..., Request]:
    """A request as the prompts make it; keywords go into its request block."""

    def write_request(product: dict[str, Any], query_type: str = "product", count: int = 25, **more: Any) -> Request:
        asked = {"query_type": query_type, "count": count, "locale": product.get("locale", "en"), **more}
        prompt = f"Write questions.\n{block('product', product)}\n{block('request', asked)}\n"
        return Request(model="writer", prompt=prompt, system="You ask.", schema=SCHEMA)

    return write_request


@pytest.fixture
def complete() -> Callable[..., Response]:
    """One answer of a model with these options."""

    def run(request: Request, **options: Any) -> Response:
        return asyncio.run(OfflineModel(OfflineOptions(**options)).complete(request))

    return run


@pytest.fixture
def ask(write, complete) -> Callable[..., list[dict[str, str]]]:
    """The questions of one answer."""

    def ask_questions(product: dict[str, Any], *args: Any, options: Any = None, **more: Any) -> list[dict[str, str]]:
        return json.loads(complete(write(product, *args, **more), **(options or {})).text)["questions"]

    return ask_questions
