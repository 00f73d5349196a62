"""`querygen check`: what a run would miss is found before there is a run; and a run that misses it pays nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LOST = "${secret:env:QUERYGEN_LOST}"
NO_FILE = "${secret:file:lost.txt}"
MODEL = {"use": "lab/model"}


def place_of(path: Path, text: str) -> str:
    """`job.yaml:line:` of the only line of the config that has this text."""
    (number,) = (
        number for number, line in enumerate((path / "job.yaml").read_text("utf-8").splitlines(), 1) if text in line
    )
    return f"job.yaml:{number}:"


def test_what_this_machine_lacks_is_said_at_once_each_with_its_place(here, job, tmp_path: Path):
    job(
        input={"use": "files/catalogue", "path": "lost.csv"},
        models={"m": {**MODEL, "key": LOST}},
        sinks=[{"use": "lab/table", "path": "t.json", "password": NO_FILE}],
    )
    ended = here("check", "job.yaml")
    assert (ended.code, ended.out) == (66, "")
    input_, model, sink = ended.err.splitlines()
    assert input_.startswith(place_of(tmp_path, "lost.csv"))
    assert "input.path: lost.csv: there is no such file" in input_
    assert model.startswith(place_of(tmp_path, "QUERYGEN_LOST"))
    assert "models.m.key: the secret in the environment variable QUERYGEN_LOST is not set" in model
    assert sink.startswith(place_of(tmp_path, "lost.txt"))
    assert "sinks[0].password: the secret file" in sink


@pytest.mark.parametrize("reference", [LOST, NO_FILE])
def test_a_secret_that_is_not_there_is_77(here, job, reference: str):
    job(models={"m": {**MODEL, "key": reference}})
    assert here("check", "job.yaml").code == 77
    connected = here("check", "job.yaml", "--connect")
    assert (connected.code, len(connected.err.splitlines())) == (77, 1), "once, not again by who needs it"
    assert here("check", "job.yaml", "--config-only").code == 0


def test_a_secret_that_is_there_is_not_shown(here, job):
    job(models={"m": {**MODEL, "key": LOST}})
    ended = here("check", "job.yaml", "--connect", QUERYGEN_LOST="c4n4ry-of-a-check")
    assert (ended.code, "c4n4ry" in ended.out + ended.err) == (0, False)


@pytest.mark.parametrize("part", ["models", "sinks", "generators"])
def test_a_run_without_a_secret_asks_nobody(here, job, part: str, tmp_path: Path):
    """Whatever component it is of, and however careless: the lab's model counts no key before its call."""
    sections: dict[str, Any] = {
        "models": {"m": {**MODEL, "key": LOST}},
        "sinks": [{"use": "lab/table", "path": "t.json", "password": LOST}],
        "generators": [
            {"name": "product", "prompt": "product", "model": "m", "count": 3},
            {"use": "lab/keyed", "name": "other", "count": 1, "key": LOST},
        ],
    }
    job(**{part: sections[part]})
    ended = here("run", "job.yaml", "--json")
    assert (ended.code, ended.json["calls"]["job"], ended.json["stopped_by"]) == (
        77,
        0,
        "sink" if part == "sinks" else "auth",
    )
    assert "QUERYGEN_LOST" in ended.err
    assert ended.json["pending"] in (0, 3)
    assert here("run", "job.yaml", "--json", QUERYGEN_LOST="there").json["done"] == 3


def test_a_model_that_would_refuse_is_found_before_anything_is_paid(here, job):
    """The lab's other model would answer."""
    job(
        models={"m": MODEL, "wrong": {**MODEL, "says": "check"}, "idle": {**MODEL, "says": "check"}},
        generators=[
            {"name": "product", "prompt": "product", "model": "m", "count": 3},
            {"name": "market", "prompt": "market", "model": "wrong", "count": 3},
        ],
    )
    ended = here("run", "job.yaml", "--json")
    assert (ended.code, ended.json["calls"]["job"], ended.json["calls"]["indeterminate"]) == (77, 0, 0)
    assert ended.json["pending"] == 3
    errors = [line for line in ended.err.splitlines() if " ERROR " in line]
    assert len(errors) == 1
    assert "model 'wrong' fails (auth): the model knows no such key; nothing was asked yet" in errors[0]


def test_a_run_that_has_all_its_answers_needs_no_model(here, job):
    job()
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 9 / 3
    job(models={"m": {**MODEL, "says": "check", "key": LOST}})
    again = here("run", "job.yaml", "--json", "--job-id", "another")
    assert (again.code, again.json["calls"]["new"], again.json["done"]) == (0, 0, 3)


def records(path: Path, *lines: Any) -> None:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))


def test_connect_reads_a_record_and_says_where_none_can_be_read(here, job, tmp_path: Path):
    job(input={"use": "files/catalogue", "path": "c.jsonl"})
    records(tmp_path / "c.jsonl", "{no json", *({"id": number} for number in range(60)))
    assert here("check", "job.yaml").code == 0
    ended = here("check", "job.yaml", "--connect")
    assert ended.code == 65
    assert "none of the first 50 records is a product, beginning with c.jsonl:1: bad_json" in ended.err
    records(tmp_path / "c.jsonl", "{no json")
    assert "c.jsonl:1: " in here("check", "job.yaml", "--connect").err
    records(tmp_path / "c.jsonl", "{no json", {"id": 1, "title": "A kettle"})
    mended = here("check", "job.yaml", "--connect")
    assert mended.code == 0
    assert "the first record would be rejected: c.jsonl:1: bad_json" in mended.err
    records(tmp_path / "c.jsonl")
    assert here("check", "job.yaml", "--connect").code == 65


@pytest.mark.parametrize("words", [(), ("--connect",)])
def test_an_input_that_is_not_there_is_66_wherever_it_is_named(here, job, words: tuple[str, ...]):
    job()
    given = here("check", "job.yaml", *words, "--products-file", "lost.csv")
    assert (given.code, "lost.csv: there is no such file" in given.err) == (66, True)
    assert here("check", "job.yaml", *words, "--product", '{"id": 1, "title": "A kettle"}').code == 0


def test_products_that_come_with_the_run_are_missed_by_connect_only(here, job):
    job(input={"use": "files/auto"})
    assert here("check", "job.yaml").code == 0
    assert here("check", "job.yaml", "--connect").code == 66
    half = here("check", "job.yaml", INPUT_S3_KEY="a.csv")
    assert (half.code, "INPUT_S3_BUCKET is not; set both or none" in half.err) == (65, True)


def test_a_price_that_a_limit_needs_is_missed_by_every_check(here, job):
    job(models={"m": {**MODEL, "priced": False}}, runtime={"max_cost": 5})
    for words in ((), ("--config-only",), ("--connect",)):
        ended = here("check", "job.yaml", *words)
        assert (ended.code, "the price of 'm' (lab/model) is not known" in ended.err) == (78, True), words
