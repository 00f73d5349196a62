"""Child processes measured from outside, in rounds; and how the figures are shown.

This process stays small on purpose: Linux counts the memory of the process that starts a child into the child's peak.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
KEY = "key-of-a-benchmark"
_COMPILED = tempfile.TemporaryDirectory(prefix="querygen-compiled-")

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that ended with 0. cpu: user and system seconds, of its own children too. peak: bytes."""

    wall: float
    cpu: float
    peak: int
    stdout: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. note: what a reader must know to read it right, or why there are no figures."""

    name: str
    figures: Figures
    note: str = ""


def run_python(*arguments: str | Path, cwd: Path = ROOT) -> Ended:
    """Run this interpreter with `arguments` to its end; anything but exit code 0 ends the benchmark.

    Modules are compiled once, whatever the environment says of it, and so in the first round at the latest.
    """
    environ = {**os.environ, "BENCHMARK_KEY": KEY, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": _COMPILED.name}
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{shlex.join(command)} ended with {child.returncode}:\n{_text(err)}{_text(out)}")
        return Ended(wall, usage.ru_utime + usage.ru_stime, _bytes(usage.ru_maxrss), _text(out))


def interleave(rounds: int, contenders: Mapping[str, Callable[[int], Figures]]) -> dict[str, Figures]:
    """The median of every figure of every contender. They take turns, so that a busy minute hits all of them.

    A contender is called with the number of the round, from 0.
    """
    seen: dict[str, list[Figures]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, contender in contenders.items():
            seen[name].append(contender(number))
    return {
        name: {figure: statistics.median(round_[figure] for round_ in figures) for figure in figures[0]}
        for name, figures in seen.items()
    }


def per_product(whole: Ended, single: Ended, products: int) -> dict[str, float]:
    """What each product costs, start-up taken off: that is what a run with a `single` product costs."""
    more = products - 1
    return {
        "cpu_us_per_product": (whole.cpu - single.cpu) / more * 1e6,
        "wall_us_per_product": (whole.wall - single.wall) / more * 1e6,
        "start_cpu_ms": single.cpu * 1e3,
        "peak_mb": whole.peak / 1e6,
    }


def show(benchmark: str, rounds: int, rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"benchmark": benchmark, "rounds": rounds, "machine": _machine(), "rows": _plain(rows)}))
    else:
        print(_table(f"{benchmark}, median of {rounds}", rows))


def _plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [{"name": row.name, **row.figures, **({"note": row.note} if row.note else {})} for row in rows]


def _table(title: str, rows: Sequence[Row]) -> str:
    columns = list(dict.fromkeys(figure for row in rows for figure in row.figures))
    cells = [
        [title, *columns],
        *([row.name, *(_number(row.figures.get(column)) for column in columns)] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])]) for first, *rest in cells]
    return "\n".join([*lines, *(f"{row.name}: {row.note}" for row in rows if row.note)])


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }


def _bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
