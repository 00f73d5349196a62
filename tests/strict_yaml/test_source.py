"""The strict YAML source: what it takes, what it refuses and where it says things stand."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.contracts.errors import ConfigError
from querygen_core.strict_yaml.source import DEEPEST, MOST_BYTES, parse, parse_value, read


def problems_of(content: bytes) -> tuple[str, ...]:
    Path("c.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(Path("c.yaml"))
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("NULL", None),
        ("~", None),
        ("", None),
        ("1", 1),
        ("-12", -12),
        ("+3", 3),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-2.", -2.0),
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
        ("=", "="),
        ("0b1", "0b1"),
        ("1.2.3", "1.2.3"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("- x", ["x"]),
        ("١", "١"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text, value):
    found = parse_value(text)
    assert (found, type(found)) == (value, type(value))


def test_places_are_of_the_key_and_of_the_list_item():
    source = parse("a: 1\nb:\n  - c: 2\n    d: {e: 3}\n  - [x,\n     y]\n", "f")
    locations = {path: (place.line, place.column) for path, place in source.locations.items()}
    assert locations == {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 0, "c"): (3, 5),
        ("b", 0, "d"): (4, 5),
        ("b", 0, "d", "e"): (4, 9),
        ("b", 1): (5, 5),
        ("b", 1, 0): (5, 6),
        ("b", 1, 1): (6, 6),
    }
    assert str(source.location(("b", 0, "d", "missing", 4))) == "f:4:5"
    assert source.written == {("a",): "1", ("b", 0, "c"): "2", ("b", 0, "d", "e"): "3"}


def test_keys_are_always_text():
    assert parse("{NO: 1, 1.10: 2, null: 3, 'a b': 4}", "f").data == {"NO": 1, "1.10": 2, "null": 3, "a b": 4}


def test_text_that_starts_further_down_keeps_its_lines():
    assert str(parse("a: 1\nb: 2", "f", first_line=7).location(("b",))) == "f:8:1"


def test_a_byte_order_mark_counts_for_nothing():
    Path("c.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    source = read(Path("c.yaml"))
    assert (source.data, str(source.location(("a",)))) == ({"a": 1}, "c.yaml:1:1")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "c.yaml:1:1: the file is empty; it should contain a mapping (`key: value`)"),
        (b"---\n", "c.yaml:2:1: the file is empty; it should contain a mapping (`key: value`)"),
        (b"a: " + b"x" * MOST_BYTES, "c.yaml: is larger than 1 MiB; is it really a config?"),
        ("a: 1\n".encode("utf-16"), "c.yaml:1:1: is UTF-16, not UTF-8; save it as UTF-8"),
        ("a: 1\n".encode("utf-16-be"), "c.yaml:1:1: is UTF-16, not UTF-8; save it as UTF-8"),
        ("a: ä\nbc: ß".encode("latin-1"), "c.yaml:1:4: is not UTF-8 (byte 0xe4); save it as UTF-8"),
        (b"\xef\xbb\xbfa: 1\nb: \xff", "c.yaml:2:4: is not UTF-8 (byte 0xff); save it as UTF-8"),
        (b"a: 1\nb: x\0y", "c.yaml:2:5: the control character U+0000 is not allowed; remove it"),
        (b"a: \x1b[31m", "c.yaml:1:4: the control character U+001B is not allowed; remove it"),
        (b"a: '" + "\ufeff".encode() + b"'", "c.yaml:1:5: the control character U+FEFF is not allowed; remove it"),
        (b"a: " + b"[" * 1000, f"c.yaml:1:{DEEPEST + 3}: is nested more than {DEEPEST} levels deep"),
        (b"a: " + b"9" * 5000, "c.yaml:1:4: a: a number of 5000 digits is too long; quote it if it is text"),
        (b"a:\tb\n\tc: d", "c.yaml:2:1: a tab cannot be used for indentation; use spaces"),
        (b"{a: 1} b", "c.yaml:1:8: nothing more is expected here: check indentation, quotes and brackets above"),
        (b"a: |x\n b", "c.yaml:1:5: cannot be read as YAML: did not find expected comment or line break"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(content, problem):
    Path("c.yaml").write_bytes(content)
    try:
        found = [str(one) for one in read(Path("c.yaml")).problems]
    except ConfigError as exc:
        found = list(exc.problems)
    assert found == [problem]


def test_the_deepest_allowed_nesting_is_read():
    assert parse("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1), "f").problems == ()
    with pytest.raises(ConfigError, match="nested"):
        parse("a: " + "[" * DEEPEST + "]" * DEEPEST, "f")


def test_lesser_problems_are_collected_and_the_rest_is_read():
    source = parse("a: &x 1\nb: *x\nb: 2\nc: !!int 3\n<<: {d: 4}\n? [e]\n: 5\nf: .inf\ng: 6\n", "f")
    assert source.data == {"a": 1, "b": None, "c": "3", "f": None, "g": 6}
    assert source.unusable == {("b",), ("c",), ("f",)}
    assert [str(problem.location) for problem in source.problems] == [
        "f:1:4",
        "f:2:4",
        "f:3:1",
        "f:4:4",
        "f:5:1",
        "f:6:3",
        "f:8:4",
    ]


def test_problems_before_a_syntax_error_are_told_too():
    assert problems_of(b"a: 1\na: 2\nb: ]\n") == (
        "c.yaml:2:1: a: duplicate key 'a', first used in line 1; remove one of them",
        "c.yaml:3:4: a value is expected here",
    )


def test_files_that_are_none():
    Path("folder.yaml").mkdir()
    Path("prod.yaml").write_text("a: 1")
    for path, message in {
        "folder.yaml": "folder.yaml: is a directory, not a file",
        "pord.yaml": "pord.yaml: there is no such file; did you mean 'prod.yaml'?",
        "nowhere/x.yaml": "nowhere/x.yaml: there is no such file",
        "a\0b": "a\\x00b: cannot be read: embedded null byte",
    }.items():
        with pytest.raises(ConfigError) as caught:
            read(Path(path))
        assert caught.value.problems == (message,)


def test_a_file_that_may_not_be_read():
    Path("c.yaml").write_text("a: 1")
    Path("c.yaml").chmod(0)
    me = os.geteuid()
    try:
        if me == 0:  # may read everything
            os.seteuid(65534)
        with pytest.raises(ConfigError, match=r"c\.yaml: cannot be read: Permission denied"):
            read(Path("c.yaml"))
    finally:
        os.seteuid(me)


@pytest.mark.timeout(60)
def test_bombs_are_refused_before_they_go_off():
    """Each of them takes seconds, minutes or all memory if it is not."""
    anchors = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    for bomb in ("[" * 500_000, "{a: " * 200_000, "- " * 400_000, anchors, "&a " * 100_000, "? " * 300_000):
        with pytest.raises(ConfigError):
            _raise(parse(bomb, "f"))


def _raise(source):
    raise ConfigError([str(problem) for problem in source.problems])


@given(st.text(alphabet=st.one_of(st.sampled_from("[]{}:,-?&*!|>'\"%@`# \n\tabc1.~<"), st.characters()), max_size=80))
@settings(max_examples=100)
def test_any_text_is_data_or_a_config_error(text):
    try:
        source = parse(text, "f")
    except ConfigError as exc:
        odd = [line for line in exc.problems if not (line.isprintable() and line.startswith("f:"))]
    else:
        odd = [key for key in source.data if (key,) not in source.locations]
    assert odd == []


@given(st.binary(max_size=60))
@settings(max_examples=100)
def test_any_bytes_are_data_or_a_config_error(content):
    Path("any.yaml").write_bytes(content)
    with suppress(ConfigError):
        assert isinstance(read(Path("any.yaml")).data, dict)
