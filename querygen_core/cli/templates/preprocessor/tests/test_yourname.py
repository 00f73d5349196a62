from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from querygen_core.api import Preprocessor, Product, Reject
from querygen_core.testing import PluginContract, PreprocessorContract, context, product

from querygen_yourname import TidyOptions, build_tidy


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestTidy(PreprocessorContract):
    def build(self, tmp_path: Path) -> Preprocessor:
        return build_tidy(
            TidyOptions(brands={"BRASSLINE": "Brassline"}), context(tmp_path)
        )

    def products(self) -> Sequence[Product]:
        return [
            product(product_id="1", brand="brassline "),
            product(product_id="2", description=""),
            product(),
        ]


def test_unifies_brands_and_rejects_products_without_description(
    tmp_path: Path,
) -> None:
    step = build_tidy(TidyOptions(brands={"ACME": "Acme"}), context(tmp_path))
    known, silent = asyncio.run(
        step.process([product(brand="acme"), product(description=" ")])
    )
    assert isinstance(known, Product)
    assert known.brand == "Acme"
    assert isinstance(silent, Reject)
    assert silent.reason == "no_description"
