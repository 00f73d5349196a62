"""Where a job keeps its state: one folder per job below `state_dir`."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from querygen_core.api import Shard
from querygen_core.errors import ConfigError

_ENDS_A_LINE = re.compile("[\x7f-\x9f\u2028\u2029]")  # to some readers, or acts on their terminal; not to JSON
_LONGEST_NAME = 200  # bytes; file systems stop at 255


def job_folder(state_dir: Path, job_id: str) -> Path:
    """The job's folder; any job id becomes one harmless name, different ids different names."""
    name = quote(job_id, safe=" ", errors="surrogatepass")
    if name.startswith("."):
        name = name.replace(".", "%2E")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return state_dir / name


def shard_folder(folder: Path, shard: Shard) -> Path:
    """Where a shard's report and dead letters go: the job's folder, if there is but one."""
    return folder if shard.size == 1 else folder / f"shard-{shard.index}-of-{shard.size}"


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as exc:
        message = f"state_dir {folder}: {exc.strerror or exc}; set runtime.state_dir to a folder that can be written"
        raise ConfigError(message) from None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace `path` in one step, so that a reader never sees half of it."""
    _replace(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


async def write_lines(path: Path, values: AsyncIterator[Mapping[str, Any]]) -> int:
    """One JSON object per line, replaced in one step; how many."""
    partial = path.with_name(f"{path.name}.partial")
    count = 0
    with partial.open("w", encoding="utf-8", errors="replace") as file:
        async for value in values:
            file.write(_ENDS_A_LINE.sub(_escape, json.dumps(value, ensure_ascii=False)) + "\n")
            count += 1
    partial.replace(path)
    return count


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(path)
