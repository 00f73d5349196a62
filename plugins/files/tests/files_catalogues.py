"""Catalogue files made by a test, and what reading them gives."""

from __future__ import annotations

from pathlib import Path

from querygen_core.api import InputError, Product, Reject
from querygen_core.testing import context
from querygen_files import build_auto, build_catalogue
from querygen_files.options import AutoOptions, CatalogueOptions

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
    results, error = read_until_error(catalogue(name, **options))
    assert error.startswith(name) or not error
    return [brief(result) for result in results] + ([f"error{error.removeprefix(name)}"] if error else [])


def read_until_error(reader) -> tuple[list[Product | Reject], str]:
    """What was read, and the message of the error that ended it, if one did."""
    results = []
    try:
        for result in reader.read():
            results.append(result)  # noqa: PERF402 - what came before the error counts
    except InputError as error:
        return results, str(error)
    return results, ""


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
