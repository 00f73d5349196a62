"""The folders and files of a job's state: one folder per job below `state_dir`."""

from __future__ import annotations

import errno
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from querygen_core.api import Shard
from querygen_core.contracts.errors import ConfigError, JournalError
from querygen_core.formats import replacing, safe_name

log = logging.getLogger("querygen.run")

_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700  # of the owner only: product data, prompts and answers
_OTHERS = 0o077
_NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_ENDS_A_LINE = re.compile("[\x7f-\x9f\u2028\u2029]")  # to some readers, or acts on their terminal; not to JSON


def job_folder(state_dir: Path, job_id: str) -> Path:
    # The answers of all jobs are in files of the state folder whose names begin like this; no job may take one of them.
    return state_dir / safe_name(job_id, reserved=("answers",))


def shard_folder(folder: Path, shard: Shard) -> Path:
    """The folder for a shard's report and dead letters: the job's own folder if there is only one shard."""
    return folder if shard.size == 1 else folder / f"shard-{shard.name}"


def make_folder(folder: Path) -> None:
    try:
        for missing in [place for place in (*reversed(folder.parents), folder) if not place.exists()]:
            missing.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        # `mkdir` also succeeds for a folder that exists but cannot be written to. Its name cannot be foreseen, and it
        # is made anew, so that nobody can lay a link for it.
        with NamedTemporaryFile(dir=folder, prefix=".probe-"):
            pass
        if folder.stat().st_mode & _OTHERS:
            log.warning("%s: other users may look into it; `chmod 700` it", folder)
    except OSError as exc:
        if exc.errno in _NO_DESCRIPTORS:
            raise JournalError(f"state_dir {folder}: {exc.strerror}; raise the limit (`ulimit -n`)") from None
        message = f"state_dir {folder}: {exc.strerror or exc}; set runtime.state_dir to a folder that can be written"
        raise ConfigError(message) from None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    with replacing(path, _PRIVATE) as file:
        file.write(_encode(json.dumps(value, ensure_ascii=False, indent=1)))


async def write_lines(path: Path, values: AsyncIterator[Mapping[str, Any]]) -> int:
    """Write one JSON object per line; return how many."""
    count = 0
    with replacing(path, _PRIVATE) as file:
        async for value in values:
            file.write(_encode(_ENDS_A_LINE.sub(_escape, json.dumps(value, ensure_ascii=False))))
            count += 1
    return count


def _encode(text: str) -> bytes:
    return f"{text}\n".encode(errors="replace")  # lone surrogates


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
