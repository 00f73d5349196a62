from __future__ import annotations

import base64
import json
from threading import Thread
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.secrets.masking import mask, printable, register, register_within


@pytest.mark.parametrize(
    "written",
    [
        str,
        lambda value: quote(value, safe=""),
        quote,
        quote_plus,
        lambda value: json.dumps(value)[1:-1],
        lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
        lambda value: repr(value)[1:-1],
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
        printable,
    ],
)
def test_a_registered_secret_is_masked_however_it_is_written(written) -> None:
    secret = 'pä"ss/wörd + \\ ?\n€uro'
    register(secret)
    assert mask(f"before {written(secret)} after").startswith("before ***")
    assert written(secret) not in mask(written(secret))


def test_each_line_of_a_key_is_masked() -> None:
    register("-----BEGIN KEY-----\nfirst-line\nother-line\n")
    assert mask("other-line and first-line") == "*** and ***"


@pytest.mark.parametrize(
    "text",
    [
        "Consumer 'api_key:AIzaSyD-abcdefgh_123' has been suspended",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-proj-abcdefghijklmnop",
        "postgres://user:hunter2@db/queries",
        "Authorization: Bearer abcdef.123456",
        "authorization: basic dXNlcjpodW50ZXIy",
        "PASSWORD=hunter2 host=db",
        "https://model.example/v1?key=hunter2&alt=json",
    ],
)
def test_what_looks_like_a_key_is_masked_unregistered(text: str) -> None:
    masked = mask(text)
    assert "***" in masked
    assert not any(part in masked for part in ("hunter2", "SyD", "IOSF", "proj", "abcdef", "dXNl"))


def test_ordinary_text_is_left_alone() -> None:
    text = "Is the Kettle 2.0 (1.7 l) safe? See https://shop.example/a?b=c for a basic dishwasher, a bearer umbrella: x"
    assert mask(text) == text


def test_registering_is_safe_from_several_threads() -> None:
    threads = [Thread(target=lambda n=n: [register(f"thread-{n}-{i}") for i in range(20)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mask(" ".join(f"thread-{n}-{i}" for n in range(8) for i in range(20))) == " ".join(["***"] * 160)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=80))
def test_printable_text_is_one_line_that_does_nothing(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000 for char in shown)
    assert printable(shown) == shown


def test_printable_text_keeps_what_can_be_read() -> None:
    assert printable("Größe 5\u00a0€ 日本\u3000語 👨\u200d👩\u200d👧 می\u200cخواهم") == (
        "Größe 5\u00a0€ 日本\u3000語 👨\u200d👩\u200d👧 می\u200cخواهم"
    )
    assert printable("a\nb\x1b[31m\u202e\u2028\x85\udc80") == r"a\nb\x1b[31m\u202e\u2028\x85\udc80"


def test_of_a_json_secret_only_what_is_secret_is_masked_by_itself() -> None:
    register_within('{"username": "admin", "password": "tr0ub4dor", "engine": "postgres", "port": 5432, "api_key": 7}')
    assert mask("admin tr0ub4dor postgres 5432") == "admin *** postgres 5432"


@pytest.mark.parametrize("secret", ['["password"]', '{"password": ["x"]}', "{broken", '"tr0ub4dor"', "[" * 100_000])
def test_any_other_secret_is_masked_as_a_whole(secret) -> None:
    register_within(secret)
    assert mask(f"a {secret} b") == "a *** b"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://me:p@ss@proxy:3128/", "http://***@proxy:3128/"),
        ("host=db password = 'a \\' b' user=me", "host=db password = *** user=me"),
        ('db_passwd="a b" x', "db_passwd=*** x"),
        ("pg://db/q?sslpassword=abc&x=1", "pg://db/q?sslpassword=***&x=1"),
        ("http://proxy:3128/ and me@example.org", "http://proxy:3128/ and me@example.org"),
    ],
)
def test_a_password_is_masked_to_its_end(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked
