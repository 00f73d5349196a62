"""What a sink held before, read back: to count what changes, and to keep what is newer than what comes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from querygen_core.api import Outcome
from querygen_core.formats import Document, JsonLines, PreviousContents
from querygen_core.testing import outcome, query
from querygen_core.testing.samples import HOSTILE

FORMATS = {"json": Document, "jsonl": JsonLines}


def made(number: int = 0, **changes) -> Outcome:
    kept = [
        query(text, query_type=("product", "market")[place % 2], labels={"facet": "size"}, round=place % 3)
        for place, text in enumerate(HOSTILE)
    ]
    return outcome(*kept, **{"product_id": f"K:{number}%", "ordinal": number, **changes})


def written(name: str, outcomes: Sequence[Outcome]) -> bytes:
    text = FORMATS[name]("job")
    return "".join([text.head(), *map(text.product, outcomes), text.tail()]).encode()


def previous(name: str, outcomes: Sequence[Outcome]) -> PreviousContents:
    contents = PreviousContents()
    contents.load(FORMATS[name].held(io.BytesIO(written(name, outcomes))))
    return contents


@pytest.mark.parametrize("name", FORMATS)
def test_a_version_is_written_only_where_there_is_one(name):
    assert b'"version"' not in written(name, [made()])
    assert written(name, [made(version=7)]).count(b'"version":7') == (1 if name == "json" else len(HOSTILE))


@pytest.mark.parametrize("name", FORMATS)
def test_a_newer_product_is_written_again_as_it_was(name):
    dropped = (query("Is it good?", dropped="text/quality"),)
    held = made(1, version=7, state="short", reasons={"product": "facts"}, dropped=dropped)
    contents = previous(name, [made(0), held, made(2, version=9)])
    kept = contents.newer(made(1, version=6, ordinal=5, queries=()))
    assert kept is not None
    assert written(name, [kept]) == written(name, [replace(held, ordinal=5)])


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_not_newer_gives_way(name):
    contents = previous(name, [made(0), made(1, version=7)])
    for other in (made(0), made(1, version=7), made(1, version=8), made(2)):
        assert contents.newer(other) is None


def test_of_two_that_are_held_the_newest_counts():
    contents = PreviousContents()
    for version in (7, 9, 8):
        contents.load(Document.held(io.BytesIO(written("json", [made(version=version)]))))
    kept = contents.newer(made(version=6))
    assert kept is not None
    assert kept.version == 9


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("version", ['"7"', "1.5", "-1", "[]", str(2**63)])
def test_a_version_that_is_none_is_damage(name, version):
    damaged = written(name, [made(version=7)]).replace(b'"version":7', f'"version":{version}'.encode())
    with pytest.raises(ValueError, match="version is not a number"):
        list(FORMATS[name].held(io.BytesIO(damaged)))
