"""The keys of a job's objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from querygen_core.api import LetterKind, Shard
from querygen_core.formats import safe_name

_PART = re.compile(r"part-\d+-of-\d+\.jsonl")
_SHORT = re.compile(r"short(-\d+-of-\d+)?\.jsonl")
_LETTERS = re.compile(r"(rejected|failed|refused)(-\d+-of-\d+)?\.jsonl")
_RUN = re.compile(r"\.run(-\d+-of-\d+)?\.json")


def job_name(job_id: str) -> str:
    """Return the job id as it is used in keys and metadata: ASCII, without slash, never like a backup's name."""
    return safe_name(job_id, reserved=("backup_",))


@dataclass(frozen=True, slots=True)
class ObjectKeys:
    prefix: str
    """Prefix of the results, such as `query/`."""
    error_prefix: str | None
    """Prefix of the lists of products with too few questions; None if they are not written."""
    job: str
    """As `job_name` returns it."""
    partitions: int = 64
    """Number of partitions of the job, thus of its parts in layout `parts`."""
    sample: bool = False
    """Whether they are those of a sample, beside the job's own."""

    @property
    def _name(self) -> str:
        # A job may have this very name. Its objects say whose they are, so that neither replaces the other's.
        return f"{self.job}.sample" if self.sample else self.job

    @property
    def document(self) -> str:
        return f"{self.prefix}{self._name}.json"

    @property
    def folder(self) -> str:
        """Prefix of the parts and their manifest."""
        return f"{self.prefix}{self._name}/"

    @property
    def manifest(self) -> str:
        return f"{self.folder}manifest.json"

    @property
    def fences(self) -> str:
        """Prefix of the marks of the processes that write the job's objects under a lease."""
        return f"{self.folder}fences/"

    def part(self, number: int) -> str:
        return f"{self.folder}part-{self._of_all(number)}.jsonl"

    def parts(self, keys: list[str]) -> list[str]:
        """Return those of `keys` that are parts."""
        return [key for key in keys if _PART.fullmatch(key.removeprefix(self.folder))]

    @property
    def errors(self) -> str:
        """Prefix of the lists of products with too few questions."""
        return f"{self.error_prefix}{self._name}/"

    def short(self, part: int | None) -> str:
        """Return the key of one such list. part: None for layout `document`, which has a single one."""
        return f"{self.errors}short.jsonl" if part is None else f"{self.errors}short-{self._of_all(part)}.jsonl"

    def shorts(self, keys: list[str]) -> list[str]:
        """Return those of `keys` that are such lists."""
        return [key for key in keys if _SHORT.fullmatch(key.removeprefix(self.errors))]

    def letters(self, kind: LetterKind, shard: Shard) -> str:
        """Return the key of a shard's list of dead letters of one kind."""
        return f"{self.errors}{kind}{_of_shard(shard)}.jsonl"

    def all_letters(self, keys: Iterable[str]) -> list[str]:
        """Return those of `keys` that are lists of dead letters."""
        return [key for key in keys if _LETTERS.fullmatch(key.removeprefix(self.errors))]

    def run(self, shard: Shard) -> str:
        """Return the key of the report of a shard's last run."""
        return f"{self.runs}{_of_shard(shard)}.json"

    @property
    def runs(self) -> str:
        """Prefix of these reports, and perhaps of objects of other jobs."""
        return f"{self.prefix}{self._name}.run"

    def all_runs(self, keys: Iterable[str]) -> list[str]:
        """Return those of `keys` that are such reports."""
        return [key for key in keys if _RUN.fullmatch(key.removeprefix(f"{self.prefix}{self._name}"))]

    def _of_all(self, part: int) -> str:
        """Return `07-of-64`, with as many digits for each part as the highest number has."""
        return f"{part:0{len(str(self.partitions - 1))}}-of-{self.partitions}"

    def backups(self, backup_id: str) -> str:
        """Return the prefix of one shard's backups. backup_id: eight characters, unique to bucket, job and shard."""
        return f"{self.prefix}backup_{backup_id}_"


def _of_shard(shard: Shard) -> str:
    return "" if shard.size == 1 else f"-{shard.name}"
