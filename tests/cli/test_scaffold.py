"""Every scaffold is a plugin that works and keeps the contract of its kind, as it is written by `plugins new`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from querygen_core.cli.parser import KINDS
from querygen_core.cli.scaffold import write
from tests.cli.process import environment, querygen
from tests.scaffolds import scaffolds

ROOT = Path(__file__).parents[2]
LONGEST_PACKAGE = 150  # lines that are not empty


@pytest.mark.parametrize("name", ["Offline", "a_b", "1a", "a--b", "-a", "class", "../x", "a b", ""])
def test_a_name_that_is_no_plugin_name_is_64(here, tmp_path: Path, name: str):
    assert here("plugins", "new", "--kind", "sink", "--", name).code == 64
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [[], ["--kind", "journal"], ["--kind", ""]])
def test_without_a_kind_the_kinds_are_named(here, tmp_path: Path, kind: list[str]):
    ended = here("plugins", "new", "mine", *kind)
    assert ended.code == 64
    assert all(known in ended.err for known in KINDS)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(here, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    assert here("plugins", "new", "mine", "--kind", "input").code == 64
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A plugin `my-KIND` of each kind, installed for PYTHONPATH as pip would."""
    folder = tmp_path_factory.mktemp("author")
    return {kind: make(kind, folder / kind) for kind in KINDS}


def make(kind: str, target: Path) -> Path:
    name = f"my-{kind}"
    write(kind, name, target)
    info = target / f"querygen_my_{kind}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: querygen-{name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[querygen]\n{name} = querygen_my_{kind}\n")
    return target


@pytest.mark.parametrize("kind", KINDS)
def test_a_scaffold_is_a_small_distribution_under_its_own_name(made: dict[str, Path], kind: str):
    target = made[kind]
    files = sorted(path for path in target.rglob("*") if path.is_file())
    assert not [path for path in files if "yourname" in f"{path.relative_to(target)}{path.read_text()}".casefold()]
    project = tomllib.loads((target / "pyproject.toml").read_text())
    assert project["project"]["name"] == f"querygen-my-{kind}"
    assert project["project"]["dependencies"] == ["querygen>=0.1,<1"]
    assert project["project"]["entry-points"]["querygen"] == {f"my-{kind}": f"querygen_my_{kind}"}
    assert project["dependency-groups"]["dev"] == ["querygen[testing]"]
    assert "uv" not in project["tool"], "outside a checkout there is no workspace to take querygen from"
    package = [path.read_text() for path in files if path.parent.name == f"querygen_my_{kind}"]
    assert sum(bool(line.strip()) for text in package for line in text.splitlines()) <= LONGEST_PACKAGE
    assert f"use: my-{kind}/" in (readme := (target / "README.md").read_text()) or kind in {"secret", "storage"}
    assert "pip install" in readme


@pytest.mark.slow
def test_a_scaffold_keeps_its_contract(made: dict[str, Path]):
    """Its own tests, by its author's pytest: nothing of this repository's settings is there. The other kinds' tests
    are run from wheels below.
    """
    done = run(made["postprocessor"], "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_the_tests_of_a_scaffold_are_its_contract(made: dict[str, Path], kind: str):
    assert "Contract)" in (made[kind] / "tests" / f"test_my_{kind}.py").read_text()


@pytest.mark.slow
def test_scaffolds_pass_ruff_and_mypy(made: dict[str, Path]):
    """As both are without this repository's settings. mypy, which is slow to start, looks at all kinds at once."""
    for target in made.values():
        passes(target, "ruff", "check", "--isolated", ".")
    packages = [word for kind in KINDS for word in (f"{kind}/querygen_my_{kind}", f"{kind}/tests")]
    passes(made[KINDS[0]].parent, "mypy", "--strict", *packages)


def passes(folder: Path, *command: str) -> None:
    done = run(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment({}, [folder]),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("name", ["my-model", "x"])
def test_the_command_writes_it_and_says_what_comes_next(here, tmp_path: Path, name: str):
    ended = here("plugins", "new", name, "--kind", "observer", "--folder", "deep/down")
    assert ended.code == 0
    for line in ("cd deep/down", "pip install -e .", "pytest", f"querygen plugins info {name}"):
        assert f"\n  {line}" in ended.out
    assert (tmp_path / "deep" / "down" / f"querygen_{name.replace('-', '_')}" / "log.py").is_file()


def test_a_plugin_of_a_checkout_takes_querygen_from_the_workspace(here, tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["plugins/*"]\n')
    (tmp_path / "plugins").mkdir()
    assert here("plugins", "new", "mine", "--kind", "sink").code == 0
    project = tomllib.loads((tmp_path / "plugins" / "mine" / "pyproject.toml").read_text())
    assert project["tool"]["uv"]["sources"] == {"querygen": {"workspace": True}}


def test_a_job_of_scaffolds_runs(made: dict[str, Path], tmp_path: Path):
    """Everything that needs no network, in one job: each part does what its README says."""
    (tmp_path / "p.jsonl").write_text(
        '{"id": "1", "title": "Kettle", "brand": "ACME", "description": "A kettle."}\n'
        '{"id": "2", "title": "Toaster", "brand": "Acme"}\n{oops\n'
    )
    config = {
        "input": {"use": "my-input/lines", "path": "p.jsonl"},
        "preprocessors": [{"use": "my-preprocessor/tidy", "brands": {"ACME": "Acme"}}],
        "generators": [{"name": "patterns", "use": "my-generator/patterns", "query_type": "product", "count": 5}],
        "postprocessors": [{"use": "my-postprocessor/length", "max_words": 8}],
        "sinks": [{"use": "my-sink/folder", "path": "queries"}],
        "observers": [{"use": "my-observer/log", "path": "events.jsonl"}],
        "runtime": {"max_failed_ratio": 1},
    }
    (tmp_path / "job.yaml").write_text(json.dumps(config))
    ended = querygen("run", "job.yaml", "--json", cwd=tmp_path, path=list(made.values()))
    assert ended.code == 0, ended.err
    assert (ended.json["short"], ended.json["rejected"]) == (1, 2)
    (file,) = (tmp_path / "queries").iterdir()
    assert "Is Acme a good brand for this?" in file.read_text()
    assert ended.json["queries"]["dropped"] == {"length/too_long": 1}
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (shutil.which("uv") or os.environ.get("UV")), reason="uv makes the environment")
def test_every_scaffold_works_from_wheels_alone(tmp_path: Path):
    made = list(scaffolds(tmp_path))
    assert [scaffold.kind for scaffold in made] == list(KINDS)
    assert min(scaffold.passed for scaffold in made) >= 10
    assert max(scaffold.package_lines for scaffold in made) <= LONGEST_PACKAGE
