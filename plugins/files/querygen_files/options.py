"""The options of both inputs. Nothing here is imported that a config check would not need anyway."""

from __future__ import annotations

from dataclasses import fields as columns
from difflib import get_close_matches
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from querygen_core.api import Options, Product

_MAPPABLE = tuple(column.name for column in columns(Product) if column.name not in {"raw_ref", "refs"})


def _check_names(fields: dict[str, str]) -> dict[str, str]:
    for name in fields:
        if name not in _MAPPABLE:
            near = get_close_matches(name, _MAPPABLE, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"fields are: {', '.join(_MAPPABLE)}"
            raise ValueError(f"a product has no field {name!r}; {hint}")
    return fields


def _check_encoding(encoding: str) -> str:
    try:
        "".encode("utf-8" if encoding == "auto" else encoding)
    except LookupError:
        raise ValueError(f"there is no encoding {encoding!r}; try `auto`, `cp1252`, `latin-1`, `utf-16`") from None
    return encoding


Fields = Annotated[dict[str, str], AfterValidator(_check_names)]
Format = Literal["auto", "csv", "tsv", "json", "jsonl", "yaml", "xml"]


class InputOptions(Options):
    fields: Fields = Field(
        default_factory=dict,
        description="Product field → the record's own name for it, or a dotted path (`content.productName`, "
        "`offers.0.price`). Wins over the names that are known anyway.",
    )
    source: str = Field(
        default="default",
        min_length=1,
        description="Names the catalogue. Part of every product's key, so that two feeds may use the same ids.",
    )
    locale: str = Field(
        default="en",
        min_length=2,
        description="Language of records that do not say theirs, as BCP 47: `en`, `de-DE`.",
    )


class CatalogueOptions(InputOptions):
    not_in_key: ClassVar[frozenset[str]] = frozenset({"path", "format", "encoding", "separator"})

    path: str = Field(
        min_length=1,
        description="The file: from the current folder or beside the config; or a URL of an installed storage "
        "(`s3://bucket/key`), of all files under it if it ends with `/`. gzip is recognised by its content.",
    )
    format: Format = Field(
        default="auto",
        description="`auto` looks at the content first and at the file's ending second. `json` is an array, an object "
        "that holds one, or one product; `jsonl` one product a line; `xml` RSS, Atom or a list of `<product>`.",
    )
    encoding: Annotated[str, AfterValidator(_check_encoding)] = Field(
        default="auto",
        min_length=1,
        description="`auto`: byte order mark, XML declaration, else UTF-8 with single bad bytes read as Windows-1252 "
        "and a warning. Or any name that Python knows: `cp1251`, `shift_jis`.",
    )
    separator: Literal["auto", ",", ";", "\t", "|"] = Field(
        default="auto",
        description="Of CSV columns. `auto` takes the one that gives the most columns that rows agree on.",
    )


class AutoOptions(InputOptions):
    """Where the products are is told by the environment and the command line, not here."""
