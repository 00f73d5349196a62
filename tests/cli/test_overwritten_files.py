"""No part of a job writes a file that the job needs, whatever the file is called: refused before anything is paid."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.process import Ended

CATALOGUE = '{"id": "L1", "title": "Lux desk lamp"}\n'
PROMPT = '{% include "part.j2" %}\nAsk {{ want.count }} questions about {{ product.title }}.\n'


@pytest.fixture
def shop(tmp_path: Path, job: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes job.yaml with a local catalogue, a prompt of its own and a secret in a file."""
    monkeypatch.chdir(tmp_path)
    for folder in ("prompts", "feed", "out"):
        (tmp_path / folder).mkdir()
    for name in ("cat.jsonl", "feed/a.jsonl", "feed/b.jsonl"):
        (tmp_path / name).write_text(CATALOGUE)
    (tmp_path / "prompts/own.j2").write_text(PROMPT)
    (tmp_path / "prompts/part.j2").write_text("Be brief.\n")
    (tmp_path / "key.txt").write_text("a-secret-of-the-shop")
    (tmp_path / "link.jsonl").symlink_to("cat.jsonl")
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    os.link(tmp_path / "cat.jsonl", tmp_path / "hard.jsonl")

    def write(**sections: object) -> Path:
        usual = {
            "input": {"use": "files/catalogue", "path": "cat.jsonl"},
            "models": {"m": {"use": "lab/model", "key": "${secret:file:key.txt}"}},
            "generators": [{"name": "product", "prompt": "own", "model": "m", "count": 3}],
        }
        return job(**{**usual, **sections})

    return write


def sink(path: str | Path, use: str = "files/jsonl") -> dict[str, str]:
    return {"use": use, "path": str(path)}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SPELLINGS = [
    "cat.jsonl",
    "./cat.jsonl",
    "out/../cat.jsonl",
    "{here}/cat.jsonl",
    "link.jsonl",
    "hard.jsonl",
    "elsewhere/elsewhere/cat.jsonl",
]


@pytest.mark.parametrize("command", ["check", "run"])
def test_the_catalogue_is_no_output(here: Callable[..., Ended], shop, tmp_path: Path, command: str):
    paths = [spelling.format(here=tmp_path) for spelling in SPELLINGS]
    shop(
        sinks=[sink(path, ["files/jsonl", "files/json"][index % 2]) for index, path in enumerate(paths)],
        observers=[sink(path, "files/events") for path in paths],
    )
    before = contents(tmp_path)
    ended = here(command, "job.yaml")
    assert ended.code == 78, ended.err
    for index, path in enumerate(map(Path, paths)):
        for section in ("sinks", "observers"):
            message = f"{section}[{index}].path: {path} is the file that input.path reads; choose another path"
            assert f"job.yaml: {message}" in ended.err
    assert contents(tmp_path) == before, "nothing was written, not even a state folder"


NEEDED = {
    "job.yaml": "this config",
    "prompts/own.j2": "a prompt that generators[0] uses",
    "prompts/part.j2": "a prompt that generators[0] uses",
    "key.txt": "the file of a secret",
    ".querygen/job/journal.sqlite": "in the folder of this job's state",
    ".querygen/job/report.json": "in the folder of this job's state",
    ".querygen/job/a/new.jsonl": "in the folder of this job's state",
    ".querygen/other/config.json": "in the folder of another job's state",
    ".querygen/other/deep/er/out": "in the folder of another job's state",
    ".querygen/answers.sqlite": "in the folder of another job's state, or where the answers of all jobs are kept",
    ".querygen/answers.sqlite-wal": "in the folder of another job's state, or where the answers of all jobs are kept",
    "kept/leases/x": "in the folder of journal.url",
}


def test_what_the_job_needs_is_no_output(here: Callable[..., Ended], shop, tmp_path: Path):
    for name in ("other/journal.sqlite", "answers.sqlite-wal"):
        (tmp_path / ".querygen" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".querygen" / name).write_text("")
    shop(sinks=[sink(path) for path in NEEDED], journal={"url": (tmp_path / "kept").as_uri()})
    ended = here("run", "job.yaml")
    assert ended.code == 78, ended.err
    for index, (path, what) in enumerate(NEEDED.items()):
        assert f"sinks[{index}].path: {path} is {what}" in ended.err


def test_a_folder_of_catalogues_holds_no_output(here: Callable[..., Ended], shop, tmp_path: Path):
    shop(
        input={"use": "files/catalogue", "path": f"{(tmp_path / 'feed').as_uri()}/"},
        sinks=[sink("elsewhere/feed/deeper/out.jsonl"), sink("out.json", "files/json")],
    )
    ended = here("check", "job.yaml")
    assert ended.code == 78
    assert "sinks[0].path: elsewhere/feed/deeper/out.jsonl is in the folder that input.path reads" in ended.err
    assert "sinks[1]" not in ended.err


def test_two_outputs_are_two_files(here: Callable[..., Ended], shop, tmp_path: Path):
    """Neither exists yet."""
    others = ["./new/../out/q", f"{tmp_path}/out/q", "elsewhere/out/q", "out/q.partial"]
    shop(sinks=[sink("out/q"), *(sink(other, "files/json") for other in others)])
    ended = here("run", "job.yaml")
    assert ended.code == 78
    for index, other in enumerate(map(Path, others), 1):
        assert f"sinks[{index}].path: {other} is the file that sinks[0].path writes" in ended.err


def test_a_sample_of_one_output_is_no_other(here: Callable[..., Ended], shop):
    shop(sinks=[sink("q.jsonl"), sink("q.sample.jsonl")])
    ended = here("check", "job.yaml")
    assert ended.code == 78
    assert "sinks[1].path: q.sample.jsonl is the file that sinks[0].path writes in a sample" in ended.err


def test_a_catalogue_of_the_command_line_is_no_output(here: Callable[..., Ended], shop, tmp_path: Path):
    shop(sinks=[sink("link.jsonl")], input={"use": "lab/shelf"})
    assert here("check", "job.yaml").code == 0
    ended = here("run", "job.yaml", "--products-file", "hard.jsonl")
    assert ended.code == 78
    assert "link.jsonl is the file that input reads" in ended.err
    assert (tmp_path / "cat.jsonl").read_text() == CATALOGUE


def test_a_shard_writes_a_file_of_its_own(here: Callable[..., Ended], shop, tmp_path: Path):
    catalogue = tmp_path / "q.part-00001-of-00002.jsonl"
    catalogue.write_text(CATALOGUE)
    shop(sinks=[sink("q.jsonl")], input={"use": "files/catalogue", "path": catalogue.name})
    assert here("run", "job.yaml", "--shard", "0/2").code == 0
    assert here("run", "job.yaml", "--shard", "1/2").code == 78


def test_files_beside_what_is_needed_are_outputs(here: Callable[..., Ended], shop, tmp_path: Path):
    shop(sinks=[sink("prompts/out.jsonl"), sink("feed/c.json", "files/json")], observers=[sink("ev", "files/events")])
    assert here("run", "job.yaml").code == 0
    assert here("run", "job.yaml").code == 0, "what a run wrote is no reason to refuse the next"
