"""What a run suggests can be followed: it names the same job, products and place, shows no secret, says its price."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from querygen_core.cli.next_steps import cost_text
from querygen_core.config.overrides import masked_override
from tests.cli.process import Ended


def steps(ended: Ended) -> list[str]:
    assert "\nNext:\n" in ended.out, ended.out
    return [line.strip() for line in ended.out.partition("\nNext:\n")[2].splitlines()]


def runs(ended: Ended) -> list[list[str]]:
    """The words of each suggested `querygen run`, without its comment, which must name a price."""
    found = [line for line in steps(ended) if line.startswith("querygen run ")]
    for line in found:
        assert any(word in line.rpartition("# ")[2] for word in ("calls", "requests", "USD")), line
    return [shlex.split(line, comments=True)[1:] for line in found]


PLACE = ("--job-id", "mine", "--state-dir", "my state")


def test_the_run_that_is_suggested_is_the_same_run(here, job, tmp_path: Path):
    """In the same folder, of the same job, on the same products: it costs nothing."""
    job()
    (tmp_path / "some.jsonl").write_text("".join(f'{{"id": "{n}", "title": "Lamp {n}"}}\n' for n in range(5)))
    given = ["--products-file", "some.jsonl", "--sample", "2", "--set", "runtime.concurrency=1", *PLACE]
    ended = here("run", "job.yaml", *given)
    again, whole = runs(ended)
    assert again == ["run", "job.yaml", *given]
    repeated = here(*again, "--json").json
    assert (repeated["job_id"], repeated["input"], repeated["calls"]["new"]) == ("mine", 2, 0)
    assert whole == ["run", "job.yaml", *given[:2], *given[4:]]
    assert "run the whole input; this sample took 2 requests for 2 products" in ended.out
    followed = here(*whole, "--json").json
    assert (followed["input"], followed["calls"]["new"], followed["calls"]["journal"]) == (5, 3, 0)


def test_products_shard_and_waiting_are_repeated_too(here, job):
    job()
    product = json.dumps({"id": "1", "title": "Dock's lamp"})
    given = ["--product", product, "--job-id=-x", "--shard", "0/1", "--no-wait"]
    assert runs(here("run", "job.yaml", *given)) == [["run", "job.yaml", *given]]


def test_a_folder_of_the_machine_is_named(here, job):
    """The shell that repeats the command may lack the variable."""
    job()
    assert runs(here("run", "job.yaml", QUERYGEN_STATE_DIR="there")) == [["run", "job.yaml", "--state-dir", "there"]]
    by_set = here("run", "job.yaml", "--set", "runtime.state_dir=set", QUERYGEN_STATE_DIR="there")
    assert runs(by_set) == [["run", "job.yaml", "--set", "runtime.state_dir=set"]]


def test_resuming_says_how_much_is_left(here, job):
    job(runtime={"max_calls": 2, "concurrency": 1}, input={"use": "lab/shelf", "count": 7})
    ended = here("run", "job.yaml", *PLACE)
    assert runs(ended) == [["run", "job.yaml", *PLACE]]
    assert "tomorrow; about 5 requests for 5 pending products" in ended.out


def test_a_sink_that_took_nothing_gets_it_without_paying_again(here, job):
    job(sinks=[{"use": "lab/table", "path": "t", "fails": "permanent"}])
    ended = here("run", "job.yaml")
    assert ended.code == 74
    assert steps(ended) == [
        "querygen run job.yaml  # deliver again, when the sink takes it; only requests without an answer are sent"
    ]


def test_a_secret_that_was_given_is_not_printed(here, job):
    """Even to an option that is no secret, and even if its value holds what a shell must quote."""
    job()
    canary = "c4n'4ry-1234"
    ended = here("run", "job.yaml", "--set", f"models.m.key={canary}", "--set", "runtime.concurrency=1")
    assert ended.code == 0
    assert "--set 'models.m.key=***' --set runtime.concurrency=1" in ended.out
    assert "4ry" not in ended.out + ended.err
    wrong = here("run", "job.yaml", "--set", f"models.m.passwort={canary}", "--set", f"runtime.api_key={canary}")
    assert wrong.code == 78
    assert "--set runtime.api_key=***" in wrong.err
    assert "4ry" not in wrong.err


@pytest.mark.parametrize(
    "override",
    [
        "models.flash.api_key=abcdefgh",
        "models.flash={use: gemini/api, api_key: abcdefgh}",
        "sinks.db.password=1234",
        "sinks.db.dsn=postgresql://app:abcdefgh@db/shop",
        "sinks.db.dsn=host=db password=abcdefgh",
        "models.m.headers={Authorization: Bearer abcdefgh1}",
        "models.m.tokens=[{token: abcdefgh}]",
        "a.secret=: not YAML",
        "models.flash={api_key: abcdefgh",
    ],
)
def test_what_looks_like_a_secret_is_masked(override):
    assert masked_override(override) == override.partition("=")[0] + "=***"


def test_a_key_behind_a_colon_is_masked_too():
    assert masked_override("models.flash.api_key: abcdefgh") == "models.flash.api_key ***"


@pytest.mark.parametrize(
    "override",
    [
        "runtime.max_tokens=2000",
        "runtime.max_output_tokens=1",
        "models.flash.api_key=${secret:env:KEY}",
        "input.path=key.csv",
        "keys=[a]",
        "models.m.monkey=b",
        "sinks.db.dsn=postgresql://db/shop",
        "no assignment",
    ],
)
def test_other_values_stay_readable(override):
    assert masked_override(override) == override


def test_the_price_of_a_call_is_that_of_this_run_s_calls():
    assert cost_text(120, {"calls": {"new": 40}, "cost": 0.1}) == "about 120 requests, about 0.3000 USD,"
    for unknown in ({"calls": {"new": 0}, "cost": 0.0}, {"calls": {"new": 40}, "cost": None}):
        assert cost_text(120, unknown) == "about 120 requests"
