"""Catalogue files made by a test, and what reading them gives."""

from __future__ import annotations

from pathlib import Path

from querygen_core.api import InputError, Product, Reject
from querygen_core.testing import context
from querygen_files import AutoOptions, CatalogueOptions, build_auto, build_catalogue

NAME = "shop.dat"


def catalogue(path, **options):
    return build_catalogue(CatalogueOptions(path=str(path), **options), context(Path.cwd(), "files/catalogue"))


def read(content: str | bytes, name: str = NAME, **options) -> list[Product | Reject]:
    """What comes of a file in the current folder that holds `content`."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return list(catalogue(name, **options).read())


def said(content: str | bytes, name: str = NAME, **options) -> list[str]:
    """A product as `line id title`, a reject as `line !reason`, an input error as its message without the name."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    found: list[str] = []
    try:
        found.extend(map(brief, catalogue(name, **options).read()))
    except InputError as error:
        assert str(error).startswith(name)
        found.append(f"error{str(error).removeprefix(name)}")
    return found


def brief(result: Product | Reject) -> str:
    if isinstance(result, Reject):
        assert result.message
        assert result.file
        return f"{result.line} !{result.reason}"
    line = result.raw_ref.rpartition(":")[2]
    return f"{line} {'auto' if result.product_id.startswith('auto-') else result.product_id} {result.title}"


def auto(environ: dict[str, str] | None = None, **surroundings):
    surroundings = {"environ": environ or {}, **surroundings}
    return build_auto(AutoOptions(), context(Path.cwd(), "files/auto", **surroundings))
