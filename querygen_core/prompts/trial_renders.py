"""Renders a prompt for made-up products, so that a mistake in a branch that few products reach is found before any is
paid for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import product as combinations
from typing import Any

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.records import Product, Want
from querygen_core.prompts.file import PromptFile

_THIN = Product(product_id="example-with-a-title-only", title="Kettle")
_RICH = Product(
    product_id="example-with-all-fields",
    title="Norvik Alva kettle, 1.7 l",
    locale="de-AT",
    description="A kettle of steel that boils in four minutes.",
    brand="Norvik",
    manufacturer="Norvik Works",
    category_path=("Home", "Kitchen", "Kettles"),
    product_type="kettle",
    gtin="4006381333931",
    mpn="NA-17",
    bullet_points=("boils in four minutes", "keeps warm"),
    attributes={"material": "steel", "capacity": "1.7 l"},
    variant_options={"colour": ("black", "white")},
    tags=("new",),
    audience="families",
    competitors=("Brightwell",),
    price=Decimal("39.90"),
    currency="EUR",
    availability="in_stock",
    condition="new",
    rating=4.5,
    review_count=12,
    url="https://shop.example/kettle",
    image_urls=("https://shop.example/kettle.jpg",),
)
_FIRST = Want(query_type="product", count=25)
_REFILL = Want(
    query_type="product",
    count=2,
    accepted=("Does the kettle keep water warm?",),
    round=1,
    missing={"features": 1, "usage": 1},
    dropped={"Is it good?": "quality/generic"},
)
_LAST = replace(_REFILL, count=1, round=2, missing={})
_ABOUT_DATA = re.compile(r"'(?:dict|list) object' has no|list object has no element")
"""What no made-up product can tell: whether the catalogue's products have a certain attribute."""


def find_render_problem(prompt: PromptFile, inputs: Mapping[str, Any]) -> ConfigError | None:
    """The first mistake that shows when the prompt is rendered: for products with all fields, with none, with all but
    one and with only one, in the first round and in refills.
    """
    for product, want in _renders(prompt.volatile):
        try:
            prompt.render(product, want, inputs)
        except ConfigError as error:
            if not _ABOUT_DATA.search(str(error)):
                return error
    return None


def _renders(volatile: frozenset[str]) -> Iterator[tuple[Product, Want]]:
    yield from combinations((_RICH, _THIN), (_FIRST, _REFILL, _LAST))
    for name in _RICH.visible(volatile).keys() - {"title"}:
        rich, thin = getattr(_RICH, name), getattr(_THIN, name)
        changed = (replace(_RICH, **{name: thin}), replace(_THIN, **{name: rich}))
        yield from combinations(changed, (_FIRST, _REFILL))
