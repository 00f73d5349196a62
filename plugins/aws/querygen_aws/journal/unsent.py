"""Answers that were paid for while S3 took none: on local disk, until a later run here can put them there."""

from __future__ import annotations

import os
from pathlib import Path

from querygen_aws.journal.answers import Damaged, decode, encode
from querygen_core.api import JournalError, Kept


class Unsent:
    """One file for each: shards that share a folder never write to the same one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, kept: Kept) -> None:
        """Durable when it returns."""
        path = self._folder / f"{kept.key}.{kept.number}.json"
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with partial.open("wb") as file:
                file.write(encode(kept))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise JournalError(f"journal: {path} cannot be written: {error.strerror}") from None

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("*.json"))

    def read(self, name: str) -> Kept | None:
        """None if another process has sent it, or if it is damaged."""
        try:
            return decode((self._folder / name).read_bytes())
        except (FileNotFoundError, Damaged):
            return None

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
