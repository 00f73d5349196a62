from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from querygen_core.records import Product, Reject


def read_product(
    record: Mapping[str, Any],
    *,
    source: str = "default",
    locale: str = "en",
    fields: Mapping[str, str] | None = None,
    file: str = "",
    line: int | None = None,
) -> Product | Reject:
    raise NotImplementedError
