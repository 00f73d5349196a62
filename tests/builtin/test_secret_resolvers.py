"""`${secret:env:…}` and `${secret:file:…}`: the value, or one clear message that does not hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

from querygen_core.api import Context
from querygen_core.contracts.errors import Exit, QuerygenError
from querygen_core.registry import Registry

SECRET = "hunter2hunter2"  # a value that no message may hold
JSON = f'{{"user": "me", "password": "{SECRET}", "port": 5432, "empty": "", "deep": {{"a": 1}}, "flag": true}}'
ENVIRON = {"PLAIN": SECRET, "JSON": JSON, "EMPTY": "", "LIST": "[1]"}


def resolve(kind: str, reference: str, field: str | None = None) -> str:
    return Registry(ENVIRON).resolver(f"core/{kind}", Path("configs")).resolve(reference, field)


def refusal(kind: str, reference: str, field: str | None = None) -> str:
    with pytest.raises(QuerygenError) as caught:
        resolve(kind, reference, field)
    assert caught.value.exit_code == Exit.CREDENTIALS
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_an_environment_variable():
    assert resolve("env", "PLAIN") == SECRET
    assert resolve("env", "JSON", "password") == SECRET
    assert resolve("env", "JSON", "port") == "5432"


@pytest.mark.parametrize(
    ("name", "field", "message"),
    [
        ("GONE", None, "the secret in the environment variable GONE is not set"),
        ("EMPTY", None, "the secret in the environment variable EMPTY is empty"),
        ("PLAIN", "x", "the secret in the environment variable PLAIN is not a JSON object with a field 'x'"),
        ("LIST", "x", "the secret in the environment variable LIST is not a JSON object with a field 'x'"),
        ("JSON", "x", "the secret in the environment variable JSON is not a JSON object with a field 'x'"),
        ("JSON", "deep", "the field 'deep' of the secret in the environment variable JSON is not text"),
        ("JSON", "flag", "the field 'flag' of the secret in the environment variable JSON is not text"),
        ("JSON", "empty", "the field 'empty' of the secret in the environment variable JSON is not text"),
    ],
)
def test_an_environment_variable_that_will_not_do(name, field, message):
    assert refusal("env", name, field) == message


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"a", "a"), (b"a\n", "a"), (b"a\r\n", "a"), (b"a\n\n", "a\n"), (b" a ", " a "), ("ä\nb".encode(), "ä\nb")],
)
def test_a_file_without_its_last_line_feed(content, value):
    Path("secret").write_bytes(content)
    assert resolve("file", "secret") == value


def test_a_file_from_beside_the_config_and_one_field_of_it():
    Path("configs").mkdir()
    Path("configs/db.json").write_text(JSON)
    assert resolve("file", "db.json", "password") == SECRET
    assert "the file db.json" in refusal("file", "db.json", "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the secret file secret cannot be read: No such file or directory"),
        (b"", "the secret file secret is empty"),
        (b"\n", "the secret file secret is empty"),
        (b"\xff", "the secret file secret is not UTF-8"),
        (b"x" * 65537, "the secret file secret is larger than 64 KiB"),
    ],
)
def test_a_file_that_will_not_do(content, message):
    if content is not None:
        Path("secret").write_bytes(content)
    assert refusal("file", "secret") == message


def test_a_path_that_is_no_file():
    Path("folder").mkdir()
    assert refusal("file", "folder") == "the secret file folder cannot be read: Is a directory"
    assert "cannot be read" in refusal("file", "a\0b")


def test_the_environment_is_the_one_of_the_context(tmp_path):
    registered = Registry().component("secret", "core/env")
    context = Context(job_id="j", component="core/env", state_dir=tmp_path, config_dir=tmp_path, environ={"X": "y"})
    assert registered.component.build(registered.component.options(), context).resolve("X", None) == "y"
