"""CPU of commands that do no work, beside an interpreter that does none either."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping

from tests.benchmarks.measure import ROOT, Figures, Row, interleave, run_python

CLICK = "import click; click.command()(lambda: None)()"
QUERYGEN = ("-m", "querygen_core")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "python -c pass": ("-c", "pass"),
    "querygen --help": (*QUERYGEN, "--help"),
    "querygen plugins list": (*QUERYGEN, "plugins", "list"),
    "querygen check quickstart.yaml": (*QUERYGEN, "check", str(ROOT / "configs" / "quickstart.yaml")),
}


def measure(rounds: int, products: int) -> list[Row]:
    has_click = importlib.util.find_spec("click") is not None
    commands = {**COMMANDS, **({"click --help": ("-c", CLICK, "--help")} if has_click else {})}
    medians = interleave(rounds, {name: _starter(command) for name, command in commands.items()})
    rows = [Row(name, figures) for name, figures in medians.items()]
    return rows if has_click else [*rows, Row("click --help", {}, "click is not installed here: not measured")]


def _starter(command: tuple[str, ...]) -> Callable[[int], Figures]:
    def start(_: int) -> Figures:
        ended = run_python(*command)
        return {"cpu_ms": ended.cpu * 1e3, "wall_ms": ended.wall * 1e3, "peak_mb": ended.peak / 1e6}

    return start
