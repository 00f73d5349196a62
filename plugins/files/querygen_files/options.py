"""The options of inputs, sinks and observer. Imports nothing that a check of the config does not need anyway."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import AfterValidator, Field

from querygen_core.api import Context, FileUse, Options, Product, did_you_mean
from querygen_files.output_file import OutputFile

URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_MAPPABLE = tuple(field.name for field in fields_of(Product) if field.name not in {"raw_ref", "refs"})


def _check_fields(fields: dict[str, str]) -> dict[str, str]:
    for name in fields:
        if name not in _MAPPABLE:
            hint = did_you_mean(name, _MAPPABLE) or f"; fields are: {', '.join(_MAPPABLE)}"
            raise ValueError(f"a product has no field {name!r}{hint}")
    return fields


def _check_encoding(encoding: str) -> str:
    try:
        "".encode("utf-8" if encoding == "auto" else encoding)
    except LookupError:
        raise ValueError(f"there is no encoding {encoding!r}; try `auto`, `cp1252`, `latin-1`, `utf-16`") from None
    return encoding


def _check_file_name(path: str) -> str:
    if "\0" in path or os.path.basename(path) in {"", ".", ".."}:  # noqa: PTH119 - Path drops a final slash
        raise ValueError("should name a file, not a folder")
    return path


Fields = Annotated[dict[str, str], AfterValidator(_check_fields)]
FileName = Annotated[str, AfterValidator(_check_file_name)]
Format = Literal["auto", "csv", "tsv", "json", "jsonl", "yaml", "xml"]


class InputOptions(Options):
    """What both inputs have in common."""

    fields: Fields = Field(
        default_factory=dict,
        description="Product field → the record's own name for it, or a dotted path (`content.productName`, "
        "`offers.0.price`). Overrides the names that are recognised by default.",
    )
    source: str = Field(
        default="default",
        min_length=1,
        description="Name of the catalogue. It is part of every product's key, so that two catalogues may use the same "
        "ids.",
    )
    locale: str = Field(
        default="en",
        min_length=2,
        description="Language of records that do not name theirs, as BCP 47: `en`, `de-DE`.",
    )


class CatalogueOptions(InputOptions):
    # The same records read from another file or with another encoding are the same products.
    not_in_key: ClassVar[frozenset[str]] = frozenset({"path", "format", "encoding", "separator"})

    path: str = Field(
        min_length=1,
        description="File to read: a path from the current folder or the config's, or a URL of an installed storage "
        "(`s3://bucket/key`), which stands for all files under it if it ends with `/`. May be compressed with gzip.",
    )
    format: Format = Field(
        default="auto",
        description="File format. `auto` decides by the content, then by the file's extension. `json` is an array, an "
        "object that contains one, or one product; `jsonl` has one product per line; `xml` is RSS, Atom or a list of "
        "`<product>`.",
    )
    encoding: Annotated[str, AfterValidator(_check_encoding)] = Field(
        default="auto",
        min_length=1,
        description="Text encoding, by any name that Python knows: `cp1251`, `shift_jis`. `auto` follows a byte order "
        "mark or an XML declaration; otherwise it reads UTF-8, and invalid bytes as Windows-1252 with a warning.",
    )
    separator: Literal["auto", ",", ";", "\t", "|"] = Field(
        default="auto",
        description="Separator of CSV columns. `auto` takes the one that splits the first rows most consistently.",
    )

    def files_used(self, context: Context) -> Iterable[FileUse]:
        return _read(self.path, context, "path")


class AutoOptions(InputOptions):
    """The environment and the command line, not the config, say where the products are."""

    def files_used(self, context: Context) -> Iterable[FileUse]:
        return _read(context.products_file, context, "") if context.products_file else ()


class SnapshotOptions(Options):
    path: FileName = Field(
        description="File to write, relative to the current folder; missing folders are created. It is replaced as a "
        "whole at the end of a completed run. Each shard writes its own: `queries.part-00003-of-00016.jsonl`, and a "
        "sample too: `queries.sample.jsonl`."
    )
    replace: bool = Field(
        False,
        description="Replace the file even if it is another job's, or was not written by querygen. Otherwise such a "
        "file ends the run before anything is paid (exit 74).",
    )

    def files_used(self, context: Context) -> Iterable[FileUse]:
        path = OutputFile(self.path, context.shard, sample=context.sample).path
        for written in (path, path.with_name(f"{path.name}.partial")):
            yield FileUse(written, writes=True, option="path")


class EventsOptions(Options):
    path: FileName = Field(
        description="File to append to, relative to the current folder; missing folders are created. Each shard "
        "writes its own: `events.part-00003-of-00016.jsonl`."
    )

    def files_used(self, context: Context) -> Iterable[FileUse]:
        yield FileUse(OutputFile(self.path, context.shard).path, writes=True, option="path")


def _read(path: str, context: Context, option: str) -> Iterable[FileUse]:
    """What an input reads, if it is local."""
    if not URL.match(path):
        with suppress(RuntimeError):  # `~` of a user who does not exist
            yield FileUse(context.find(path), writes=False, option=option)
    elif path.lower().startswith("file:"):
        local = Path(url2pathname(urlsplit(path).path))
        yield FileUse(local, writes=False, option=option, folder=path.endswith("/"))
