"""The options of sinks and observer."""

from __future__ import annotations

import os
from typing import Annotated

from pydantic import AfterValidator, Field

from querygen_core.api import Options


def _name_a_file(path: str) -> str:
    if "\0" in path or os.path.basename(path) in {"", ".", ".."}:  # noqa: PTH119 - Path drops a final slash
        raise ValueError("should name a file, not a folder")
    return path


FileName = Annotated[str, AfterValidator(_name_a_file)]


class SnapshotOptions(Options):
    path: FileName = Field(
        description="The file to write, relative to the current folder; missing folders are made. It is replaced as a "
        "whole when a run has ended in order. Each shard writes its own: `queries.part-00003-of-00016.jsonl`."
    )


class FactsOptions(Options):
    path: FileName = Field(
        description="The file to append to, relative to the current folder; missing folders are made. Each shard "
        "writes its own: `facts.part-00003-of-00016.jsonl`."
    )
