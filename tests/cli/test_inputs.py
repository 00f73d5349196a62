"""Products from the command line and the environment, and other things a command may change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

KETTLE, PAN = {"id": "K1", "title": "A kettle"}, {"id": "P1", "title": "A pan"}
AUTO = {"input": {"use": "files/auto"}}


def held(folder: Path) -> set[str]:
    return set(json.loads((folder / "table.json").read_text()))


def test_products_in_words(here, job, tmp_path: Path):
    job()
    ended = here("run", "job.yaml", "--product", json.dumps(KETTLE), "--product", json.dumps(PAN))
    assert ended.code == 0, ended.err
    assert held(tmp_path) == {"default:K1:en", "default:P1:en"}
    assert "instead of lab/shelf" in ended.err


def test_products_in_a_file(here, job, tmp_path: Path):
    job(**AUTO)
    (tmp_path / "mine.jsonl").write_text(json.dumps(PAN))
    assert here("run", "job.yaml", "--products-file", "mine.jsonl").code == 0
    assert held(tmp_path) == {"default:P1:en"}


def test_products_in_the_environment_come_first(here, job, tmp_path: Path):
    job(**AUTO)
    ended = here("run", "job.yaml", "--product", json.dumps(PAN), PRODUCTS_JSON=json.dumps([KETTLE]))
    assert ended.code == 0, ended.err
    assert held(tmp_path) == {"default:K1:en"}
    assert "PRODUCTS_JSON" in ended.err


@pytest.mark.parametrize("text", ["{", "[1, 2", ""])
def test_a_source_that_is_there_but_broken_is_no_absent_one(here, job, text: str):
    job(**AUTO)
    ended = here("run", "job.yaml", "--product", json.dumps(PAN), PRODUCTS_JSON=text)
    if text:
        assert ended.code == 65
        assert "PRODUCTS_JSON" in ended.err + ended.out
    assert "Traceback" not in ended.err


def test_no_source_at_all_is_66(here, job):
    job(**AUTO)
    assert here("run", "job.yaml").code == 66


def test_a_sample_is_the_first_records(here, job):
    job(input={"use": "lab/shelf", "count": 50})
    report = here("run", "job.yaml", "--sample", "2", "--json").json
    assert (report["input"], report["done"], report["calls"]["new"]) == (2, 2, 2)


def test_set_changes_any_key(here, job, tmp_path: Path):
    job()
    words = ["--set", "sinks.table.path=other.json", "--set", "input.count=1", "--set", "runtime.concurrency=1"]
    report = here("run", "job.yaml", "--json", *words).json
    assert report["input"] == 1
    assert (tmp_path / "other.json").exists()
    assert not (tmp_path / "table.json").exists()


@pytest.mark.parametrize(
    "given", ["runtime", "runtime.concurrency=", "=8", "runtime.nonsense=1", "sinks.9.path=x", "a..b=1"]
)
def test_a_set_that_cannot_be_is_78(here, job, given: str):
    job()
    ended = here("run", "job.yaml", "--set", given)
    assert ended.code == 78
    assert "--set" in ended.err


@pytest.mark.parametrize(
    "job_id",
    [
        "../../x",
        "..",
        ".",
        "a/b",
        "/etc/passwd",
        "x" * 255,
        "日本" * 60,
        "a b",
        "%2e%2e",
        "-rf",
        "~",
        "con:aux|?*",
        "'\";",
    ],
    ids=lambda text: text[:12],
)
def test_any_job_id_stays_in_its_folder(here, job, tmp_path: Path, job_id: str):
    outer = tmp_path / "outer"
    job()
    words = ["run", "job.yaml", "--json", f"--job-id={job_id}", "--state-dir", str(outer / "state"), "--sample", "1"]
    ended = here(*words)
    assert ended.code == 0, ended.err
    assert ended.json["job_id"] == job_id
    assert [path.name for path in outer.iterdir()] == ["state"]
    (folder,) = (path for path in (outer / "state").iterdir() if path.is_dir())
    assert (outer / "state" / "answers.sqlite").is_file()
    assert (folder / "report.json").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"outer", "job.yaml", "table.json"}
    state = ["--state-dir", str(outer / "state"), "--json"]
    assert here("report", "job.yaml", f"--job-id={job_id}", *state).json["job_id"] == job_id
    by_id = here("report", *state, "--", job_id)
    assert by_id.code == 78 if job_id == "/etc/passwd" else by_id.json["job_id"] == job_id, "a file is a config"
    assert here("jobs", "--state-dir", str(outer / "state"), "--json").json[0]["job_id"] == job_id


def test_different_job_ids_share_answers_and_nothing_else(here, job, tmp_path: Path):
    job()
    ids = ["a", "A", "a ", "a%20", "x" * 254, "x" * 255, "é" * 100, "é" * 101, "answers.sqlite", "answers.sqlite-wal"]
    for number, job_id in enumerate(ids):
        calls = here("run", "job.yaml", "--json", "--job-id", job_id, "--sample", "1").json["calls"]
        assert (calls["new"], calls["journal"], calls["job"]) == ((1, 0, 1) if number == 0 else (0, 1, 0)), job_id
    assert len([path for path in (tmp_path / ".querygen").iterdir() if path.is_dir()]) == len(ids)


@pytest.mark.parametrize("job_id", ["", " ", "x" * 256, "a\nb", "\x1b[31m", "a\u2028b"], ids=repr)
def test_a_job_id_that_cannot_be_is_78(here, job, job_id: str):
    job()
    ended = here("run", "job.yaml", "--job-id", job_id)
    assert (ended.code, ended.out) == (78, "")
    assert "\x1b" not in ended.err


def test_without_a_job_id_the_config_gives_its_name(here, job, tmp_path: Path):
    job(job_id=None)
    (tmp_path / "job.yaml").rename(tmp_path / "autumn 2026.yaml")
    assert here("run", "autumn 2026.yaml", "--json").json["job_id"] == "autumn 2026"


def test_shards_of_the_environment(here, job, tmp_path: Path):
    job(input={"use": "lab/shelf", "count": 12})
    reports = [
        here(
            "run",
            "job.yaml",
            "--json",
            AWS_BATCH_JOB_ARRAY_INDEX=f"{index}",
            AWS_BATCH_JOB_ARRAY_SIZE="3",
            AWS_BATCH_JOB_ID=f"1f2b:{index}",
            AWS_BATCH_JOB_ATTEMPT="1",
        ).json
        for index in range(3)
    ]
    assert sum(report["done"] for report in reports) == 12
    assert reports[2]["batch"] == {"job": "1f2b:2", "attempt": 1}
    folders = {path.name for path in (tmp_path / ".querygen" / "job").iterdir() if path.is_dir()}
    assert folders == {f"shard-{index}-of-3" for index in range(3)}
    merged = here("report", "job", "--json").json
    assert (merged["done"], merged["missing_shards"], merged["calls"]["new"]) == (12, [], 12)
    assert here("report", "job.yaml", "--json").json == merged
    assert "shards  3 of 3" in here("report", "job").out
    (tmp_path / ".querygen" / "job" / "shard-1-of-3" / "report.json").unlink()
    assert "shards  2 of 3: 1 missing" in here("report", "job").out
    assert [(row["shard"], row["exit_code"]) for row in here("jobs", "--json").json] == [
        (f"{index}/3", 0) for index in range(3)
    ]


def test_five_broken_lines_are_five_dead_letters_and_the_rest_is_done(here, job, tmp_path: Path):
    good = [json.dumps({"id": f"G{number}", "title": f"Good product {number}"}).encode() for number in range(10)]
    broken = [
        b'{"id": "B1", "title": ',
        b'["a", "list"]',
        b'{"id": "B3"}',
        b"\xff\xfe\x00",
        b'{"id": "B5", "title": NaN}',
    ]
    (tmp_path / "mixed.jsonl").write_bytes(b"\n".join([*good[:5], *broken, *good[5:], b""]))
    job(input={"use": "files/catalogue", "path": "mixed.jsonl"}, runtime={"max_failed_ratio": 0.5})
    ended = here("run", "job.yaml", "--json")
    assert ended.code == 0, ended.err
    assert (ended.json["input"], ended.json["done"], ended.json["rejected"]) == (15, 10, 5)
    text = (tmp_path / ".querygen" / "job" / "dead_letters.jsonl").read_text("utf-8")
    letters = [json.loads(line) for line in text.splitlines()]
    assert [(letter["file"], letter["line"]) for letter in letters] == [("mixed.jsonl", line) for line in range(6, 11)]
    assert all(letter["reason"] and letter["message"] and letter["raw"] for letter in letters)
