"""`querygen db`: a config's databases are made ready, looked at or asked, and all that is wrong is said at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_secrets import CANARY, found_in
from tests.cli.test_start import HEAVY, loaded_by

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
ACTIONS = (("init",), ("check",), ("query", '[["a"]]'))


def db(here, action: tuple[str, ...], **environ: str):
    return here("db", action[0], "job.yaml", *action[1:], **environ)


def asked() -> list[str]:
    """What the databases were asked since the last time."""
    file = Path("asked")
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def test_init_makes_what_is_missing_and_says_so_and_then_has_nothing_to_do(here, stores):
    stores(sink={"database": "host/shop"})
    first = here("db", "init", "job.yaml")
    assert (first.code, first.err) == (0, "")
    assert first.out == "host/shop\n  created: table one\n  created: index \\x1b[2J two\n"
    again = here("db", "init", "job.yaml")
    assert (again.code, again.out) == (0, "host/shop\n  nothing is missing\n")


def test_check_says_what_is_missing_and_how_to_make_it_and_makes_nothing(here, stores, tmp_path: Path):
    stores(sink={"database": "host/shop"})
    for _ in range(2):
        ended = here("db", "check", "job.yaml", "--set", "runtime.concurrency=2")
        assert (ended.code, ended.out) == (78, "host/shop\n  missing: table one\n")
        assert "querygen db init job.yaml --set runtime.concurrency=2\n" in ended.err
    assert list(tmp_path.glob("*.made")) == []
    here("db", "init", "job.yaml")
    ended = here("db", "check", "job.yaml")
    assert (ended.code, ended.out, ended.err) == (0, "host/shop\n  nothing is missing\n", "")


def test_advice_alone_is_no_failure(here, stores):
    stores(sink={"database": "host/shop", "store": "advice"})
    both = here("db", "check", "job.yaml")
    assert (both.code, both.out) == (78, "host/shop\n  missing: table one\n  advice: grant\\nmore\n")
    here("db", "init", "job.yaml")
    alone = here("db", "check", "job.yaml")
    assert (alone.code, alone.out, alone.err) == (0, "host/shop\n  advice: grant\\nmore\n", "")


@pytest.mark.parametrize(("action", "word"), [("init", "init"), ("check", "inspect")])
def test_every_part_is_asked_and_what_those_of_one_database_say_is_said_once(here, stores, action: str, word: str):
    stores(input={"database": "one"}, preprocessor={"database": "two"}, sink={"database": "one"})
    ended = here("db", action, "job.yaml")
    assert asked() == [f"{word} one"] * 2 + [f"{word} two"]
    said = ended.out.splitlines()
    assert [line for line in said if not line.startswith(" ")] == ["one", "two"]
    assert sum("table one" in line for line in said) == 2, "once for each database"


def test_a_query_is_asked_of_one_part_only(here, stores):
    stores(input={"database": "one"}, preprocessor={"database": "two"}, sink={"database": "one"})
    here("db", "query", "job.yaml", '[["n"], [1]]')
    assert asked() == ["query one"]


def test_another_part_is_asked_where_the_input_has_no_database(here, stores):
    for part in ("preprocessor", "sink"):
        stores(**{part: {"database": part}})
        assert here("db", "check", "job.yaml").out.startswith(f"{part}\n")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action[0])
def test_a_config_without_a_database_is_said_to_have_none(here, stores, action):
    stores()
    ended = db(here, action)
    assert (ended.code, ended.out) == (64, "")
    assert "job.yaml uses no component with a database" in ended.err


def test_all_databases_are_tried_and_what_worked_is_said_too(here, stores):
    down, buggy = {"database": "one", "store": "down"}, {"database": "three", "store": "raise"}
    stores(input=down, preprocessor={"database": "two"}, sink=buggy)
    looked = here("db", "check", "job.yaml")
    assert (looked.code, looked.out) == (75, "two\n  missing: table one\n")
    problems = looked.err.splitlines()
    assert [line.partition(":")[0] for line in problems] == ["one", "three", "job.yaml"]
    assert "no connection" in problems[0]
    assert "querygen db init job.yaml" in problems[2]
    made = here("db", "init", "job.yaml")
    assert (made.code, made.out.splitlines()[:2]) == (75, ["two", "  created: table one"])
    assert [line.partition(":")[0] for line in made.err.splitlines()] == ["one", "three"]


TABLE = "sink 'lab/table' (querygen-lab 1.0)"
FAILURES = {
    "down": (75, "host/shop: no connection"),
    "raise": (78, f"host/shop: {TABLE} failed: ZeroDivisionError: a bug near"),
    "exit": (78, f"host/shop: {TABLE} failed: SystemExit: 0"),
    "cancel": (78, f"host/shop: {TABLE} broke its contract: it cancelled its own task"),
    "liar": (78, f"host/shop: {TABLE} broke its contract"),
    "half": (78, f"{TABLE} broke its contract: its database has no 'query'"),
}


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action[0])
@pytest.mark.parametrize("store", FAILURES)
def test_a_database_that_fails_is_one_clear_message(here, stores, store: str, action):
    stores(sink={"database": "host/shop", "store": store})
    code, message = FAILURES[store]
    ended = db(here, action)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("store", ["", "down", "raise"])
def test_no_secret_of_a_careless_database_is_shown(here, stores, tmp_path: Path, store: str):
    stores(sink={"database": "host/shop", "store": store, "key": "${secret:env:LAB_KEY}"})
    actions = (("init",), ("check",), ("query", "secret"), ("query", "secret", "--json"))
    ended = [db(here, action, LAB_KEY=CANARY) for action in actions]
    assert "***" in "".join(one.out + one.err for one in ended), "the plugin was not careless"
    assert found_in(tmp_path, *(text for one in ended for text in (one.out, one.err))) == []


def test_a_missing_secret_is_77(here, stores):
    stores(sink={"database": "host/shop", "key": "${secret:env:NO_SUCH_KEY}"})
    ended = here("db", "check", "job.yaml")
    assert (ended.code, ended.out) == (77, "")
    assert "NO_SUCH_KEY" in ended.err


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action[0])
def test_what_a_plugin_prints_goes_where_logs_go_and_its_part_is_closed(here, stores, tmp_path: Path, action):
    stores(sink={"database": "host/shop", "store": "noise"})
    ended = db(here, action)
    assert "noise" not in ended.out
    assert "noise on standard output" in ended.err
    assert (tmp_path / "table.json").exists(), "the sink was not closed"


@pytest.mark.slow
def test_all_of_it_in_real_processes(run, stores):
    stores(sink={"database": "host/shop"})
    assert run("db", "check", "job.yaml").code == 78
    assert run("db", "init", "job.yaml").code == 0
    assert run("db", "check", "job.yaml").code == 0
    rows = run("db", "query", "job.yaml", "many", "--json").json
    assert rows == [{"n": number, "text": "é" * 50} for number in range(5_000)]


def test_a_state_folder_that_cannot_be_written_is_said(here, stores):
    stores(sink={"database": "host/shop"})
    ended = here("db", "init", "job.yaml", "--set", "runtime.state_dir=job.yaml")
    assert (ended.code, ended.out) == (78, "")
    assert "state_dir job.yaml" in ended.err
    assert asked() == []


def test_models_are_not_needed(here, stores):
    """Only what may have a database is built."""
    stores(sink={"database": "host/shop"})
    ended = here("db", "init", "job.yaml", "--set", "models.m.says=build")
    assert ended.code == 0, ended.err
    assert here("check", "job.yaml", "--connect", "--set", "models.m.says=build").code == 78


def test_connect_tries_models_inputs_preprocessors_and_sinks_and_says_all_at_once(here, stores):
    stores(input={"fails": "check"}, preprocessor={"fails": "check"}, sink={"fails": "check"})
    words = ["check", "job.yaml", "--set", "models.m.says=check"]
    assert here(*words).code == 0
    ended = here(*words, "--connect")
    assert (ended.code, ended.out) == (77, "")
    first, second, third, fourth = ended.err.splitlines()
    assert first == "models.m: the model knows no such key"
    assert second == "input lab/shelf: the shelf is locked"
    sieve = "preprocessor 'lab/sieve' (querygen-lab 1.0) failed: ZeroDivisionError: the sieve has a bug"
    assert third.startswith(f"preprocessor lab/sieve: {sieve} (querygen_lab.py:")
    assert fourth == "sink table: there is no such table"


@pytest.mark.parametrize("action", ["init", "check", "query"])
def test_help_of_the_commands_loads_nothing_heavy(tmp_path: Path, lab: Path, action: str):
    assert loaded_by(tmp_path, lab, "db", action, "--help") & HEAVY == set()
