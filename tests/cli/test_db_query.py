"""`querygen db query`: what one statement reads, as a person or a program wants it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.process import end, start
from tests.cli.test_db import asked, db

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def test_a_wrong_statement_is_wrong_usage(here, stores):
    stores(sink={"database": "host/shop"})
    ended = here("db", "query", "job.yaml", "select")
    assert (ended.code, ended.out, ended.err) == (64, "", "host/shop: no statement: select\n")


def test_rows_are_an_aligned_table(here, stores):
    stores(sink={"database": "host/shop"})
    sql = json.dumps([["id", "question", "kept"], [1, "Is it loud?", True], [22, "静か?", False], [3, None, None]])
    ended = here("db", "query", "job.yaml", sql)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "id  question     kept",
        "--  -----------  -----",
        "1   Is it loud?  true",
        "22  静か?        false",
        "3   null         null",
    ]
    assert here("db", "query", "job.yaml", '[["id", "n"]]').out == "id  n\n--  -\n"


def test_with_json_rows_are_one_array_of_objects(here, stores):
    stores(sink={"database": "host/shop"})
    sql = json.dumps([["id", "question"], [1, "Is it \u202e loud?\x85"], [2, None]])
    ended = here("db", "query", "job.yaml", sql, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.json == [{"id": 1, "question": "Is it \u202e loud?\x85"}, {"id": 2, "question": None}]
    assert not UNSEEN.search(ended.out)
    assert here("db", "query", "job.yaml", '[["id"]]', "--json").json == []


def test_a_column_is_not_lost_to_another_of_its_name(here, stores):
    stores(sink={"database": "host/shop"})
    sql = '[["n", "n"], [1, 2]]'
    assert here("db", "query", "job.yaml", sql).out.splitlines()[-1] == "1  2"
    ended = here("db", "query", "job.yaml", sql, "--json")
    assert (ended.code, ended.out) == (64, "")
    assert "'n'" in ended.err


def test_every_kind_of_value_can_be_shown(here, stores):
    stores(sink={"database": "host/shop"})
    shown = {
        "int": "1",
        "float": "2.5",
        "bool": "true",
        "nan": "nan",
        "decimal": "1.50",
        "date": "2026-11-23",
        "bytes": "\\x00ff",
        "json": '{"a": [null, "é"]}',
        "null": "null",
    }
    header, _, row = here("db", "query", "job.yaml", "kinds").out.splitlines()
    assert dict(zip(*(re.split(" {2,}", line) for line in (header, row)), strict=True)) == shown
    other = {"int": 1, "float": 2.5, "bool": True, "json": {"a": [None, "é"]}, "null": None}
    assert here("db", "query", "job.yaml", "kinds", "--json").json == [{**shown, **other}]


def test_what_a_database_holds_does_nothing_to_a_terminal(here, stores):
    stores(sink={"database": "ho\x1b[2Jst"})
    sql = json.dumps([["a\x1b[2J", "b"], ["two\nlines", "x\x1b[31m\u202e"], [{"k\x7f": "\u2028"}, ["\x07"]]])
    for action in (("query", sql), ("init",), ("check",)):
        ended = db(here, action)
        assert ended.code == 0
        assert not UNSEEN.search(ended.out)
    lines = here("db", "query", "job.yaml", sql).out.splitlines()
    assert len(lines) == 4
    assert "two\\nlines" in lines[2]
    assert lines[0].rindex("b") == lines[2].index("x\\x1b")
    narrow = here("db", "query", "job.yaml", json.dumps([["a", "b"], ["\x07", 1]])).out.splitlines()
    assert narrow == ["a     b", "----  -", "\\x07  1"], "widths are those of what is shown"


def test_the_first_database_is_asked_or_the_one_that_is_named(here, stores):
    stores(preprocessor={"database": "one"}, sink={"database": "two"})
    here("db", "query", "job.yaml", '[["a"]]')
    assert asked() == ["query one"]
    here("db", "query", "job.yaml", '[["a"]]', "--database", "two")
    assert asked() == ["query two"]
    ended = here("db", "query", "job.yaml", '[["a"]]', "--database", "three")
    assert (ended.code, ended.out, asked()) == (64, "", [])
    assert "'three'" in ended.err
    assert "one, two" in ended.err


@pytest.mark.parametrize("row", [[1, 2], []])
def test_a_row_that_does_not_fit_is_a_broken_contract(here, stores, row: list[int]):
    stores(sink={"database": "host/shop"})
    for more in ((), ("--json",)):
        ended = here("db", "query", "job.yaml", json.dumps([["a"], row]), *more)
        assert (ended.code, ended.out) == (78, "")
        assert "broke its contract: query must return one value for each column in each row" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(stores, tmp_path: Path, lab: Path, more: list[str]):
    stores(sink={"database": "host/shop"})
    process = start("db", "query", "job.yaml", "many", *more, cwd=tmp_path, path=[lab])
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout = process.stdout.close()
    ended = end(process)
    assert (ended.code, ended.err) == (0, "")
