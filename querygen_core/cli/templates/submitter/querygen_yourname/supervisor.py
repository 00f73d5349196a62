"""The process that runs the shards of a job: `python -m querygen_yourname.supervisor PLAN`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

PROGRESS = "progress.json"
_ATTEMPTS, _TRY_AGAIN = 3, 75  # exit code 75 asks for another attempt


def main(plan: dict[str, Any]) -> None:
    folder, size, run = Path(plan["folder"]), plan["shards"], plan["run"]
    with ThreadPoolExecutor(plan["parallel"]) as pool:
        shards = [
            pool.submit(_call, run, folder / f"{n}.log", n, size) for n in range(size)
        ]
        while wait(shards, timeout=0.5).not_done:
            _write(folder / PROGRESS, shards, "waiting")
    # The report puts the reports of all shards together, so all of them must be there.
    failed = any(shard.result() for shard in shards)
    report = failed or _call(plan["report"], folder / "report.log", 0, 1)
    _write(folder / PROGRESS, shards, "failed" if report else "succeeded")


def _call(command: list[str], log: Path, shard: int, size: int) -> int:
    """The exit code of the last attempt of shard number `shard` of `size`."""
    place = {
        "AWS_BATCH_JOB_ARRAY_INDEX": f"{shard}",
        "AWS_BATCH_JOB_ARRAY_SIZE": f"{size}",
    }
    environ = {**os.environ, **(place if size > 1 else {})}
    with log.open("ab") as output:
        for _ in range(_ATTEMPTS):
            code = subprocess.call(command, stdout=output, stderr=output, env=environ)
            if code != _TRY_AGAIN:
                break
    return code


def _write(file: Path, shards: list[Future[int]], report: str) -> None:
    """The fields of `Progress`, replaced in one step, so that a reader never sees a part."""
    codes = {
        number: shard.result() for number, shard in enumerate(shards) if shard.done()
    }
    failures = [
        {"shard": number, "exit_code": code} for number, code in codes.items() if code
    ]
    progress = {
        "waiting": sum(not (shard.running() or shard.done()) for shard in shards),
        "running": sum(shard.running() for shard in shards),
        "succeeded": len(codes) - len(failures),
        "failed": len(failures),
        "report": report,
        "failures": failures,
    }
    draft = file.with_name("progress.partial")
    draft.write_text(json.dumps(progress), "utf-8")
    draft.replace(file)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
