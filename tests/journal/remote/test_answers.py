"""Answers in a store: each is there before it counts, once, whole, and found from any disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from querygen_core.api import JournalError, Shard
from querygen_core.builtin.folder_objects import FolderObjects
from tests.journal.remote.place import KEY, OTHER, Place, nothing, pay, texts

ROOT = Path(__file__).parents[3]
PLACE = f"answers/ab/{KEY}.0.json"

RACE = """
import asyncio, sys
from pathlib import Path
from tests.journal.remote.place import Place, pay
from querygen_core.api import Shard
url, disk, index = sys.argv[1:]

async def work(journal):
    sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
    keys = [f"{number:064}" for number in range(60)]
    for recorded in await asyncio.gather(*(pay(journal, f"{key} of {index}", key) for key in keys)):
        print(recorded.response.text, "twice" * recorded.duplicate)

Place(url).opened(Path(disk), work, shard=Shard(int(index), 2))
"""


def test_prune_deletes_old_answers_and_their_copies_everywhere(place, tmp_path):
    place.opened(tmp_path / "a", lambda journal: pay(journal, "old"))
    assert len(place.names("segments/")) == 1

    async def prune(journal, days: int) -> int:
        return await journal.prune(datetime.now(UTC) + timedelta(days=days))

    assert place.opened(tmp_path / "b", lambda journal: prune(journal, -1)) == 0
    assert place.opened(tmp_path / "b", texts) == ["old"]
    assert place.opened(tmp_path / "b", lambda journal: prune(journal, 1)) == 1
    assert place.names("answers/") == []
    for disk in ("b", "c"):
        assert place.opened(tmp_path / disk, texts) == []


def test_an_answer_has_an_object_before_it_counts(place, tmp_path):
    async def work(journal):
        await pay(journal, "text")
        return json.loads(place.body(PLACE))["answer"]

    stored = place.opened(tmp_path, work)
    assert (stored["key"], stored["number"], stored["response"]["text"]) == (KEY, 0, "text")
    assert (stored["usable"], stored["cost"], stored["shard"]) == (True, 0.25, "0/1")


@pytest.mark.parametrize("lost", ["none", "segments/"])
def test_another_disk_finds_what_was_paid(place, tmp_path, lost):
    """Those that hold many answers are but a shortcut."""

    async def first(journal):
        await pay(journal, "one", usable=False)
        await pay(journal, "two", number=1)

    async def second(journal):
        spent = await journal.spent()
        return await texts(journal), (spent.calls, spent.tokens, spent.cost)

    place.opened(tmp_path / "a", first)
    place.delete(lost)
    assert place.opened(tmp_path / "b", second) == (["one", "two"], (2, 24, 0.5))


def test_the_same_disk_asks_for_no_answer_again(place, tmp_path):
    place.opened(tmp_path, lambda journal: pay(journal, "one"))
    place.store.on("get", "answers/|segments/")
    assert place.opened(tmp_path, texts) == ["one"]


@pytest.mark.parametrize("job_id", ["a/b", "..", ".", "a%2Fb", "ü€😀", "a b+c?#&", "x" * 255, "ü" * 255, "\ud800"])
def test_any_job_id_has_a_place_of_its_own_and_the_answers_of_all(place, tmp_path, job_id):
    async def found(journal):
        return await texts(journal), (await journal.spent()).calls

    place.opened(tmp_path / "a", lambda journal: pay(journal, "mine"), job_id=job_id)
    assert place.opened(tmp_path / "b", found, job_id=job_id) == (["mine"], 1)
    assert place.opened(tmp_path / "c", found, job_id=job_id + "x") == (["mine"], 0), "another job has paid for it"


@pytest.mark.slow
def test_the_first_of_two_processes_counts_for_both(place, tmp_path):
    command = [sys.executable, "-c", RACE, place.url]
    racing = [
        subprocess.Popen(
            [*command, str(tmp_path / f"{index}"), f"{index}"],
            cwd=ROOT,
            env={**os.environ, **place.environ},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for index in range(2)
    ]
    assert [process.stdout.readline() for process in racing] == ["ready\n"] * 2
    for process in racing:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].splitlines() for process in racing]
    assert [process.returncode for process in racing] == [0, 0]
    texts_of = [[line.removesuffix("twice").strip() for line in lines] for lines in said]
    assert texts_of[0] == texts_of[1]
    assert len(set(texts_of[0])) == 60
    assert sum(line.endswith("twice") for lines in said for line in lines) == 60, "both have paid for each"
    for index in range(2):  # and it is what each has on its own disk

        async def work(journal):
            return [(await texts(journal, f"{number:064}"))[0] for number in range(60)]

        place.delete("answers/"), place.delete("segments/")
        assert place.opened(tmp_path / f"{index}", work) == texts_of[0]


def test_a_put_whose_answer_got_lost_is_found_by_the_next_run(place, tmp_path, caplog):
    lost = place.store.on("create", "answers/", first=1, lost=True)

    async def first(journal):
        with pytest.raises(JournalError):
            await pay(journal, "mine")

    async def second(journal):
        return await texts(journal), (await journal.spent()).calls

    place.opened(tmp_path, first)
    assert place.opened(tmp_path, second) == (["mine"], 1)
    assert lost.hits == 1
    assert "also paid for by another" not in caplog.text


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another's", "no JSON"])
def test_a_damaged_object_is_as_good_as_absent(place, tmp_path, damage, caplog):
    async def both(journal):
        await pay(journal, "bought once")
        await pay(journal, "other", OTHER)

    place.opened(tmp_path / "a", both)
    place.delete("segments/")
    whole = place.body(PLACE)
    place.put(
        PLACE,
        {
            "flipped": whole.replace(b"once", b"0nce"),
            "cut": whole[:-30],
            "empty": b"",
            "no JSON": b"[1, 2]",
            "another's": place.body(f"answers/cd/{OTHER}.0.json"),
        }[damage],
    )

    async def again(journal):
        assert (await texts(journal), await texts(journal, OTHER)) == ([], ["other"])
        await pay(journal, "bought twice")

    place.opened(tmp_path / "b", again)
    assert f"answer {KEY[:12]} is damaged in the store" in caplog.text
    place.delete("segments/")
    assert place.opened(tmp_path / "c", texts) == ["bought twice"]


def test_an_answer_of_a_newer_querygen_is_read(place, tmp_path):
    place.opened(tmp_path / "a", lambda journal: pay(journal, "text"))
    place.delete("segments/")
    newer = json.loads(place.body(PLACE))["answer"]
    newer["weather"] = newer["response"]["mood"] = newer["response"]["usage"]["sparks"] = "new"
    text = json.dumps(newer, separators=(",", ":"))
    place.put(PLACE, json.dumps({"sha256": sha256(text.encode()).hexdigest(), "answer": newer}).encode())
    assert place.opened(tmp_path / "b", texts) == ["text"]


def test_what_the_store_does_not_take_is_kept_here_and_sent_by_the_next_run(place, tmp_path):
    async def first(journal):
        with pytest.raises(JournalError, match="answers/ab"):
            await pay(journal, "paid for")
        return await texts(journal)

    place.store.on("create", "answers/")
    assert place.opened(tmp_path / "a", first, shard=Shard(1, 2)) == ["paid for"]
    assert place.names("answers/") == []
    place.store.faults.clear()
    spent = place.opened(tmp_path / "a", lambda journal: journal.spent(), shard=Shard(1, 2))
    assert (spent.calls, spent.tokens, spent.cost, spent.indeterminate) == (1, 12, 0.25, 0)
    assert json.loads(place.body(PLACE))["answer"]["shard"] == "1/2"
    assert place.opened(tmp_path / "a", lambda journal: journal._cache.unsent(10), shard=Shard(1, 2)) == []
    assert place.opened(tmp_path / "b", texts) == ["paid for"]


def test_a_store_that_hangs_is_not_waited_for(place, tmp_path, monkeypatch):
    """A process that is told to go has seconds; when they are over, no paid answer may be in its memory alone."""
    monkeypatch.setattr("querygen_core.journal.remote.answer_store._PUT_TIMEOUT", 0.3)

    async def work(journal):
        with pytest.raises(JournalError, match=r"did not accept an answer within 0\.3 s"):
            await pay(journal, "paid for")
        return await texts(journal)

    place.store.on("create", "answers/", first=1, delay=3)
    assert place.opened(tmp_path, work) == ["paid for"]
    place.store.faults.clear()
    assert place.opened(tmp_path, texts) == ["paid for"]
    assert len(place.names("answers/")) == 1


def test_what_was_not_sent_gives_way_to_what_another_sent_meanwhile(place, tmp_path):
    async def first(journal):
        with pytest.raises(JournalError):
            await pay(journal, "late")

    place.store.on("create", "answers/")
    place.opened(tmp_path / "a", first)
    place.store.faults.clear()
    place.opened(tmp_path / "b", lambda journal: pay(journal, "first"))

    async def again(journal):
        return await texts(journal), (await journal.spent()).calls

    assert place.opened(tmp_path / "a", again) == (["first"], 2), "both were paid for"


def test_a_store_that_cannot_be_used_is_said_at_the_start(place, tmp_path):
    place.store.on(".*")
    with pytest.raises(JournalError, match=f"{place.url}.*: cannot be reached"):
        place.opened(tmp_path, nothing)


def test_a_store_that_ignores_conditions_is_refused(tmp_path):
    class Careless(FolderObjects):
        def replace(self, url, body, etag):
            self.delete(url)
            self.create(url, body)
            return etag

    place = Place(f"file://{tmp_path}/store/")
    place.store._store = Careless()
    with pytest.raises(JournalError, match=r"store/: it ignores If-Match.*use a store that keeps it") as caught:
        place.opened(tmp_path, nothing)
    assert caught.value.exit_code == 78
    assert [path.name for path in (tmp_path / "store").iterdir() if not path.name.startswith(".")] == []
