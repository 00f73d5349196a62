"""What a model costs: data with a date and a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import Any

import yaml

from querygen_core.api import Price


def price_of(model: str, today: date, entries: Iterable[Mapping[str, Any]] | None = None) -> Price | None:
    """The price that is valid on that day; None if it is not known. model: `models/…` and resource names too."""
    name = model.rpartition("/")[2]
    known = [
        entry
        for entry in (known_prices() if entries is None else entries)
        if entry["model"] == name and entry["valid_from"] <= today
    ]
    if not known:
        return None
    newest = max(known, key=lambda entry: entry["valid_from"])
    return Price(input=newest["input"], output=newest["output"], cached=newest.get("cached"))


def known_prices() -> list[dict[str, Any]]:
    text = (files("querygen_gemini") / "prices.yaml").read_text("utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["models"]
    return found
