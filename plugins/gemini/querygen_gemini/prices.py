"""Prices of Gemini models, from a table with dates and sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from importlib.resources import files
from typing import Any

import yaml

from querygen_core.api import Price


def find_price(model: str, today: date, entries: Iterable[Mapping[str, Any]] | None = None) -> Price | None:
    """The price of a model that is valid on `today`; None if it is not known.

    model: its name, also as a resource (`models/…`, `publishers/google/models/…`). entries: default: the shipped table.
    """
    name = model.rpartition("/")[2]
    valid = [
        entry
        for entry in (load_prices() if entries is None else entries)
        if entry["model"] == name and entry["valid_from"] <= today
    ]
    if not valid:
        return None
    newest = max(valid, key=lambda entry: entry["valid_from"])
    return Price(input=newest["input"], output=newest["output"], cached=newest.get("cached"))


def load_prices() -> list[dict[str, Any]]:
    text = (files("querygen_gemini") / "prices.yaml").read_text("utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text)["models"]
    return entries
