"""The keys of a job's objects. Any job id becomes one harmless name, different ids different names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from querygen_core.api import PARTITIONS

_LONGEST = 200  # of a key's 1024 bytes
_PART = re.compile(rf"part-(\d\d)-of-{PARTITIONS}\.jsonl")
_SHORT = re.compile(rf"short(-\d\d-of-{PARTITIONS})?\.jsonl")


def name_of(job_id: str) -> str:
    """The job in a key and in an object's metadata: ASCII, no slash, and no name that backups have."""
    name = quote(job_id, safe="", errors="surrogatepass")
    if name.startswith((".", "backup_")):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return name


@dataclass(frozen=True, slots=True)
class Names:
    """job: as `name_of` has it. error_prefix: None if errors are not listed."""

    prefix: str
    error_prefix: str | None
    job: str

    @property
    def document(self) -> str:
        return f"{self.prefix}{self.job}.json"

    @property
    def folder(self) -> str:
        """Of the parts and their manifest."""
        return f"{self.prefix}{self.job}/"

    @property
    def manifest(self) -> str:
        return f"{self.folder}manifest.json"

    def part(self, number: int) -> str:
        return f"{self.folder}part-{number:02}-of-{PARTITIONS}.jsonl"

    def parts(self, keys: list[str]) -> list[str]:
        """Those of `keys` that are parts."""
        return [key for key in keys if _PART.fullmatch(key.removeprefix(self.folder))]

    @property
    def errors(self) -> str:
        """The folder of what fell short."""
        return f"{self.error_prefix}{self.job}/"

    def short(self, part: int | None) -> str:
        return f"{self.errors}short.jsonl" if part is None else f"{self.errors}short-{part:02}-of-{PARTITIONS}.jsonl"

    def shorts(self, keys: list[str]) -> list[str]:
        """Those of `keys` that list what fell short."""
        return [key for key in keys if _SHORT.fullmatch(key.removeprefix(self.errors))]

    def backups(self, mark: str) -> str:
        """What the keys of one shard's backups begin with. mark: eight characters that nobody else has."""
        return f"{self.prefix}backup_{mark}_"
