"""`${…}`: replaced once, in values only, never parsed again; secrets stay unfetched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.config.interpolation import Variable, escape, interpolate, pieces
from querygen_core.secrets.secret import Secret
from querygen_core.secrets.store import Reference, SecretStore
from querygen_core.strict_yaml.source import Source, parse

ENVIRON = {"A": "${B}", "B": "b", "EMPTY": "", "YAML": "[1, 2]\nx: 3", "N": "64", "BAD": "\udce4"}


def never(reference):
    raise AssertionError(f"{reference} was fetched")


def interpolate_one(text, fetch=never):
    source = Source("f", {"key": [text]}, {})
    interpolated = interpolate(source, ENVIRON, SecretStore(fetch))
    return interpolated.data["key"][0], interpolated


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain $ $$ {x} $B", "plain $ $$ {x} $B"),
        ("${B}", "b"),
        ("${N}", "64"),
        ("x${B}y${B}z", "xbybz"),
        ("${A}", "${B}"),
        ("${YAML}", "[1, 2]\nx: 3"),
        ("${GONE:-default}", "default"),
        ("${GONE:-}", ""),
        ("${EMPTY:-default}", "default"),
        ("${B:-default}", "b"),
        ("${GONE:-a:-b c\nd}", "a:-b c\nd"),
        ("$${B}", "${B}"),
        ("$$${B}", "$${B}"),
        ("$${B} ${B}", "${B} b"),
        ("$${", "${"),
    ],
)
def test_variables_are_replaced_once(text, value):
    assert interpolate_one(text)[0] == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${GONE}", "the environment variable GONE is not set; set it, or write ${GONE:-default}"),
        ("${EMPTY}", "the environment variable EMPTY is empty; set it, or write ${EMPTY:-} if an empty value is meant"),
        ("${BAD}", "the environment variable BAD is not UTF-8 text"),
        ("${BAD:-x}", "the environment variable BAD is not UTF-8 text"),
        ("${A:-${B}}", "'${' cannot be nested inside '${…}'"),
        ("${", "'${' is not closed: "),
        ("x${B", "'${' is not closed: "),
        ("${}", "'${}' is not valid: "),
        ("${:-x}", "'${:-x}' is not valid: "),
        ("${1A}", "'${1A}' is not valid: "),
        ("${A-x}", "'${A-x}' is not valid: "),
        ("${secret:}", "'${secret:}' is not valid: "),
        ("${secret:env}", "'${secret:env}' is not valid: "),
        ("${secret:env:}", "'${secret:env:}' is not valid: "),
        ("${secret:a/b/c:x}", "'${secret:a/b/c:x}' is not valid: "),
        ("${secret:env:#x}", "a name or field is missing next to '#' in '${secret:env:#x}'"),
        ("${secret:env:x#}", "a name or field is missing next to '#' in '${secret:env:x#}'"),
    ],
)
def test_what_cannot_be_replaced_is_a_problem(text, message):
    value, interpolated = interpolate_one(text)
    assert value is None
    (problem,) = interpolated.problems
    assert problem.message.startswith(message)
    assert problem.path == ("key", 0)
    assert not interpolated.references


def test_every_missing_variable_of_a_text_is_told():
    _, interpolated = interpolate_one("${GONE}/${LOST}/${B}")
    assert [problem.message.split()[3] for problem in interpolated.problems] == ["GONE", "LOST"]


def test_keys_and_values_that_are_not_text_stay():
    source = parse("${B}: {n: 1, t: true, l: [null, '${B}']}", "f")
    interpolated = interpolate(source, ENVIRON, SecretStore(never))
    assert interpolated.data == {"${B}": {"n": 1, "t": True, "l": [None, "b"]}}
    assert interpolated.original == {("${B}", "l", 1): "${B}"}


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("${secret:env:NAME}", Reference("env", "NAME", None)),
        ("${secret:file:/run/secrets/a b}", Reference("file", "/run/secrets/a b", None)),
        (
            "${secret:aws/secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds-AbCdEf#password}",
            Reference(
                "aws/secretsmanager", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds-AbCdEf", "password"
            ),
        ),
        ("${secret:file:a#b#c}", Reference("file", "a#b", "c")),
    ],
)
def test_a_reference_is_split_at_the_first_colon_and_the_last_hash(text, reference):
    value, interpolated = interpolate_one(text)
    assert isinstance(value, Secret)
    assert str(value) == text
    assert interpolated.references == [(("key", 0), reference)]
    assert interpolated.original == {("key", 0): text}


def test_a_secret_inside_a_text_is_fetched_when_revealed():
    asked = []
    value, _ = interpolate_one("postgres://${B}:${secret:env:PW}@h/$${x}", lambda ref: asked.append(ref) or "p/w")
    assert (str(value), asked) == ("postgres://${B}:${secret:env:PW}@h/$${x}", [])
    assert value.reveal() == value.reveal() == "postgres://b:p/w@h/${x}"
    assert asked == [Reference("env", "PW", None)]
    value.refresh()
    assert len(asked) == 2


def test_equal_texts_are_one_secret_and_one_fetch():
    asked = []
    source = Source("f", {"a": "${secret:env:X}", "b": "${secret:env:X}", "c": "${secret:env:Y}"}, {})
    data = interpolate(source, {}, SecretStore(lambda ref: asked.append(ref.name) or "value")).data
    assert data["a"] is data["b"]
    assert [secret.reveal() for secret in data.values()] == ["value"] * 3
    assert asked == ["X", "Y"]


def test_pieces_need_no_environment():
    assert list(pieces("a${B}$${c}")) == ["a", Variable("B", None), "", "${", "c}"]


@given(st.text(alphabet="${}:-#/ABsecretnv\n", max_size=40))
@settings(max_examples=100)
def test_an_escaped_text_comes_back_as_it_was(text):
    value, interpolated = interpolate_one(escape(text))
    assert (value, interpolated.problems, interpolated.original) == (text, [], {})


@given(st.text(alphabet=st.one_of(st.sampled_from("${}:-#/ABGONEsecretnv"), st.characters()), max_size=40))
@settings(max_examples=100)
def test_any_text_is_filled_in_or_a_problem(text):
    value, interpolated = interpolate_one(text)
    assert isinstance(value, str | Secret) != bool(interpolated.problems)
