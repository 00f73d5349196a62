"""The local files that a component works with, so that no other part of the job overwrites them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileUse:
    """A local file, or everything in a folder, that a component reads or writes. It need not exist."""

    path: Path
    """From the current folder, or absolute; in any spelling."""
    writes: bool
    """Whether the component writes it; if not, it only reads it."""
    option: str = ""
    """The option that names it, for messages; "" if it is named elsewhere, such as on the command line."""
    folder: bool = False
    """Whether all files in the folder `path`, at any depth, are meant."""
