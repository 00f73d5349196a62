from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.cli.process import Ended, install_lab, querygen, write_config


class Command(Protocol):
    def __call__(self, *words: str, **environ: str) -> Ended: ...


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plugin `lab` is installed."""
    return install_lab(tmp_path_factory.mktemp("plugins"))


@pytest.fixture
def run(tmp_path: Path, lab: Path) -> Command:
    """A command in the test's own folder, with the plugin `lab` installed."""
    return lambda *words, **environ: querygen(*words, cwd=tmp_path, path=[lab], **environ)


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
