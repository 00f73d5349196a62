"""A job's state as this version stores it. Every later version opens it, migrates it, and pays for nothing again."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
STATE = HERE / "state"
OUT = HERE / "out.jsonl"
"""The questions that the stored answers gave. Answers that are read in another way need another `READING_VERSION`."""
FILES = ("job.yaml", "catalogue.jsonl", "prompts")


def copy_to(folder: Path, *, state: bool = True) -> None:
    """The job's config, catalogue and prompt, and its state in `state/`."""
    for name in (*FILES, *(["state"] if state else [])):
        source = HERE / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copyfile(source, folder / name)
