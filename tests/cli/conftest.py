from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from querygen_core.cli.main import run_command
from tests.cli.process import Ended, install_lab, querygen, write_config


class Command(Protocol):
    def __call__(self, *words: str, **environ: str) -> Ended: ...


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plugin `lab` is installed."""
    return install_lab(tmp_path_factory.mktemp("plugins"))


@pytest.fixture
def run(tmp_path: Path, lab: Path) -> Command:
    """A command as a process, in the test's own folder, with the plugin `lab` installed."""
    return lambda *words, **environ: querygen(*words, cwd=tmp_path, path=[lab], **environ)


@pytest.fixture
def here(lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """The same in this process, which is quicker, for what is asked many times."""
    monkeypatch.syspath_prepend(lab)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    before = list(logging.getLogger().handlers)

    def call(*words: str, **environ: str) -> Ended:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            code = run_command(words)
        return Ended(code, *capsys.readouterr())

    yield call
    logging.captureWarnings(False)
    for handler in logging.getLogger().handlers[:]:
        if handler not in before:
            logging.getLogger().removeHandler(handler)


@pytest.fixture
def job(tmp_path: Path) -> Any:
    """Writes job.yaml: three products, a model that answers, three questions each. Given sections replace its own."""

    def write(**sections: Any) -> Path:
        usual: dict[str, Any] = {
            "job_id": "job",
            "input": {"use": "lab/shelf"},
            "models": {"m": {"use": "lab/model"}},
            "generators": [{"name": "product", "prompt": "product", "model": "m", "count": 3}],
            "sinks": [{"use": "lab/table", "name": "table", "path": "table.json"}],
            "runtime": {"concurrency": 4},
        }
        return write_config(tmp_path / "job.yaml", **{**usual, **sections})

    return write


@pytest.fixture
def stores(job):
    """Writes job.yaml: an input, a preprocessor and a sink, each with the options of its database that are given."""

    def write(**parts: dict[str, Any]) -> None:
        sinks = [{"use": "lab/table", "name": "table", "path": "table.json", **parts.get("sink", {})}]
        job(
            input={"use": "lab/shelf", **parts.get("input", {})},
            preprocessors=[{"use": "lab/sieve", **parts.get("preprocessor", {})}],
            sinks=[*sinks, {"use": "files/jsonl", "path": "out.jsonl"}],
        )

    return write
