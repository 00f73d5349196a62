from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import querygen_text as plugin
from querygen_core.api import Options, Postprocessor, Product, Query
from querygen_core.testing import context
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")

KINDS: dict[str, tuple[type[Options], Callable[..., Postprocessor]]] = {
    "standardise": (plugin.StandardiseOptions, plugin.build_standardise),
    "quality": (plugin.QualityOptions, plugin.build_quality),
    "dedup": (plugin.DedupOptions, plugin.build_dedup),
}


async def _refuse(request: Any) -> Any:
    raise AssertionError("no filter of this plugin asks a model")


class Run:
    """Runs components one after the other, as the engine does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, name: str, **options: Any) -> Postprocessor:
        kind, build = KINDS[name]
        return build(kind(**options), context(self._folder, f"text/{name}"))

    def queries(self, product: Product, queries: Sequence[Query], *steps: str | Postprocessor) -> Sequence[Query]:
        for step in steps:
            component = self.build(step) if isinstance(step, str) else step
            queries = asyncio.run(component.process(product, queries, _refuse))
        return queries

    def texts(self, product: Product, texts: Sequence[str], *steps: str | Postprocessor) -> Sequence[Query]:
        return self.queries(product, [Query(text=text, query_type="product") for text in texts], *steps)

    def one(self, product: Product, text: str, *steps: str | Postprocessor) -> Query:
        return self.texts(product, [text], *steps)[0]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="session")
def kettle() -> Product:
    """The product that most examples are about."""
    return Product(
        product_id="K-1",
        title="Brambleby SwiftBoil K7 Electric Kettle 1.7 l",
        brand="Brambleby",
        description="A kettle with variable temperature.",
        category_path=("Kitchen", "Kettles"),
        attributes={"Power": "2200 W", "Boiling time": "4 minutes", "Cable": "75 cm", "Display": "OLED"},
        competitors=("Ferrow Cascade", "Tindle & Co Drip"),
    )


@pytest.fixture(scope="session")
def labelled() -> Path:
    """The folder of labelled data, which is not part of the project."""
    folder = Path(*Path(__file__).resolve().parts[:-5], "shared", "data", "labelled")  # beside the repository
    if not folder.is_dir():
        pytest.skip("the labelled data is not here")
    return folder
