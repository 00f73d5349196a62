from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from querygen_core.contracts.records import Product, Request, Want
from querygen_core.prompts import PromptFile

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the prompt `main.j2`, and other files named by keyword (`macros` → `macros.j2`); the path of the first."""

    def write_files(text: str, **others: str) -> Path:
        for name, content in {"main": text, **others}.items():
            (tmp_path / f"{name}.j2").write_bytes(content.encode())
        return tmp_path / "main.j2"

    return write_files


@pytest.fixture
def load(write: Write) -> Callable[..., PromptFile]:
    return lambda text, **others: PromptFile(write(text, **others))


@pytest.fixture
def render(load: Callable[..., PromptFile], kettle: Product) -> Callable[..., Request]:
    """Renders a prompt for the kettle, 25 wanted, unless told otherwise."""

    def render_text(text: str, product: Product | None = None, **others: Any) -> Request:
        want = others.pop("want", Want(query_type="product", count=25))
        inputs = others.pop("inputs", None)
        return load(text, **others).render(product or kettle, want, inputs)

    return render_text


@pytest.fixture
def kettle() -> Product:
    return Product(
        product_id="7",
        title="Kettle One",
        brand="Acme",
        category_path=("Home", "Kitchen", "Kettles"),
        attributes={"Power": "2200 W", "Volume": "1.7 l"},
        url="https://shop.example/7",
        sku="K-1",
    )
