from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment, install, querygen

ROOT = Path(__file__).parents[2]


def test_every_plugin_is_listed_with_its_components(here):
    listed = {(row["use"], row["kind"]) for row in here("plugins", "list", "--json").json}
    assert listed >= {
        ("lab/model", "provider"), ("lab/shelf", "input"), ("core/prompt", "generator"), ("core/sqlite", "journal"),
        ("offline/model", "provider"), ("files/jsonl", "sink"), ("text/quality", "postprocessor"),
    }  # fmt: skip
    assert "lab/model                provider        Says what it is told to say." in here("plugins", "list").out


def test_a_plugin_and_a_component_are_explained(here):
    whole, part = here("plugins", "info", "lab").out, here("plugins", "info", "lab/table").out
    assert whole.startswith("lab: querygen-lab 1.0\n")
    assert "lab/shelf  (input)" in whole
    assert "path: string, required. A file of JSON." in part
    assert "lab/shelf" not in part


@pytest.mark.parametrize("name", ["offlin", "offlin/model", "nothing/at-all"])
def test_a_plugin_that_is_not_there_is_78_with_what_was_meant(here, name: str):
    ended = here("plugins", "info", name)
    assert ended.code == 78
    assert "not installed" in ended.err


@pytest.mark.parametrize("name", ["Offline", "a_b", "1a", "a--b", "-a", "class", "../x", "a b", ""])
def test_a_name_that_is_no_plugin_name_is_64(here, tmp_path: Path, name: str):
    assert here("plugins", "new", "--", name).code == 64
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(here, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    assert here("plugins", "new", "mine").code == 64
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a new plugin `my-model`, installed for PYTHONPATH as pip would."""
    folder = tmp_path_factory.mktemp("author")
    assert querygen("plugins", "new", "my-model", cwd=folder).code == 0
    info = folder / "my-model" / "querygen_my_model-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: querygen-my-model\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[querygen]\nmy-model = querygen_my_model\n")
    return folder


def test_a_new_plugin_says_nothing_of_the_one_it_was_made_from(made: Path):
    for path in (made / "my-model").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert "querygen_offline" not in f"{path}\n{path.read_text()}"
    declared = (made / "my-model" / "pyproject.toml").read_text()
    assert 'my-model = "querygen_my_model"' in declared
    assert 'name = "querygen-my-model"' in declared


def test_a_new_plugin_runs(made: Path, job, tmp_path: Path):
    sinks = [{"use": "files/jsonl", "path": "out.jsonl"}]
    job(models={"m": {"use": "my-model/model"}}, input={"use": "files/auto"}, sinks=sinks)
    words = ["run", "job.yaml", "--json", "--product", '{"id": "K1", "title": "A kettle"}']
    ended = querygen(*words, cwd=tmp_path, path=[made / "my-model"])
    assert ended.code == 0, ended.err
    assert ended.json["done"] == 1
    assert '"provider":"my-model/model"' in (tmp_path / "out.jsonl").read_text()


def test_a_new_plugin_keeps_its_contract(made: Path):
    """Its own tests, by its author's pytest: nothing of this repository's settings is there."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests/test_contract.py"]
    env = environment({}, [made / "my-model"])
    done = subprocess.run(
        command, cwd=made / "my-model", env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "passed" in done.stdout


def test_a_provider_of_one_file_is_a_plugin(tmp_path: Path, job):
    """As the README has it: at most sixty lines, and it runs."""
    path = install(tmp_path / "site", "parrot", PARROT)
    assert len(PARROT.splitlines()) <= 60
    sinks = [{"use": "files/jsonl", "path": "out.jsonl"}]
    job(models={"m": {"use": "parrot/model"}}, input={"use": "files/auto"}, sinks=sinks)
    words = ["run", "job.yaml", "--json", "--product", '{"id": "K1", "title": "A kettle"}']
    ended = querygen(*words, cwd=tmp_path, path=[path])
    assert (ended.code, ended.json["done"]) == (0, 1), ended.err


PARROT = """\
from querygen_core.api import Capabilities, Component, Options, Response, hookimpl

querygen_api = 1


class Parrot:
    capabilities = Capabilities(free=True)
    limit_key = "parrot"

    async def complete(self, request):
        questions = ", ".join(f'{{"text": "Is it good in way {number}?"}}' for number in range(3))
        return Response(text=f'{{"questions": [{questions}]}}')

    async def aclose(self):
        pass


@hookimpl
def querygen_providers():
    return [Component("model", Options, lambda options, context: Parrot(), "Says the same to everybody.")]
"""
