"""Answers in S3: each is there before it counts, once, whole, and found from any disk."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from plugins.aws.tests.journals import KEY, OTHER, answer, nothing, pay, texts
from querygen_core.api import JournalError, Shard
from tests.servers.aws_proxy import CutBody, Delay, Drop, Fail, LoseAnswer

ROOT = Path(__file__).parents[3]
PLACE = f"answers/ab/{KEY}.0.json"

RACE = """
import asyncio, sys
from pathlib import Path
from plugins.aws.tests.journals import Place, pay
from querygen_core.api import Shard
from tests.servers.aws import Aws
bucket, url, disk, index = sys.argv[1:]
aws = Aws("ministack", url)

async def work(journal):
    sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
    keys = [f"{number:064}" for number in range(60)]
    for answer in await asyncio.gather(*(pay(journal, f"{key} of {index}", key) for key in keys)):
        print(answer.text)

Place(aws, bucket, aws.environ).opened(Path(disk), work, shard=Shard(int(index), 2))
"""


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
        await pay(journal, "one")
        await pay(journal, "two", number=1)

    async def second(journal):
        spent = await journal.spent()
        return await texts(journal), (spent.calls, spent.tokens, spent.cost)

    place.opened(tmp_path / "a", first)
    place.delete(lost)
    assert place.opened(tmp_path / "b", second) == (["one", "two"], (2, 24, 0.5))


def test_the_same_disk_asks_for_no_answer_again(between, proxy, tmp_path):
    between.opened(tmp_path, lambda journal: pay(journal, "one"))
    proxy.on("GetObject", Fail("AccessDenied"), key="answers/|segments/")
    assert between.opened(tmp_path, texts) == ["one"]


@pytest.mark.parametrize("job_id", ["a/b", "..", ".", "a%2Fb", "ü€😀", "a b+c?#&", "x" * 255, "ü" * 255, "\ud800"])
def test_any_job_id_has_a_place_of_its_own(place, tmp_path, job_id):
    place.opened(tmp_path / "a", lambda journal: pay(journal, "mine"), job_id=job_id)
    assert place.opened(tmp_path / "b", texts, job_id=job_id) == ["mine"]
    assert place.opened(tmp_path / "c", texts, job_id=job_id + "x") == []


def test_the_first_of_two_processes_counts_for_both(place, tmp_path):
    command = [sys.executable, "-c", RACE, place.bucket, place.aws.url]
    racing = [
        subprocess.Popen(
            [*command, str(tmp_path / f"{index}"), f"{index}"], cwd=ROOT, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for index in range(2)
    ]  # fmt: skip
    assert [process.stdout.readline() for process in racing] == ["ready\n"] * 2
    for process in racing:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0].splitlines() for process in racing]
    assert [process.returncode for process in racing] == [0, 0]
    assert said[0] == said[1]
    assert len(set(said[0])) == 60
    for index in range(2):  # and it is what each has on its own disk

        async def work(journal):
            return [(await texts(journal, f"{number:064}"))[0] for number in range(60)]

        place.delete("answers/"), place.delete("segments/")
        assert place.opened(tmp_path / f"{index}", work) == said[0]


def test_a_put_whose_answer_got_lost_is_the_first_all_the_same(between, proxy, tmp_path, monkeypatch, caplog):
    lost = proxy.on("PutObject", LoseAnswer(), key="answers/")
    given = answer("mine")

    async def work(journal):
        return await journal.record(await journal.intend(KEY, 0), KEY, 0, given, usable=True)

    lost.first = 1
    monkeypatch.setattr("querygen_aws.clients._clients", {})  # those of the fixture `impatient` try once only
    monkeypatch.setattr("querygen_aws.clients._TRIES", 3)
    with caplog.at_level(logging.INFO):
        assert between.opened(tmp_path, work) is given
    assert lost.hits == 1
    assert "paid for by another" not in caplog.text


def test_a_write_at_the_same_moment_is_tried_again(between, proxy, tmp_path):
    busy = proxy.on("PutObject", Fail("ConditionalRequestConflict"), key="answers/", first=2)
    between.opened(tmp_path, lambda journal: pay(journal, "one"))
    assert busy.hits == 2
    assert len(between.names("answers/")) == 1


def test_an_answer_cut_on_its_way_is_asked_for_again(between, proxy, tmp_path):
    between.opened(tmp_path / "a", lambda journal: pay(journal, "one" * 1000))
    between.delete("segments/")
    cut = proxy.on("GetObject", CutBody(100), key="answers/", first=2)
    assert between.opened(tmp_path / "b", texts) == ["one" * 1000]
    assert cut.hits == 2


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another's", "no JSON"])
def test_a_damaged_object_is_as_good_as_absent(place, tmp_path, damage, caplog):
    async def both(journal):
        await pay(journal, "bought once")
        await pay(journal, "other", OTHER)

    place.opened(tmp_path / "a", both)
    place.delete("segments/")
    whole = place.body(PLACE)
    place.put(PLACE, {
        "flipped": whole.replace(b"once", b"0nce"), "cut": whole[:-30], "empty": b"", "no JSON": b"[1, 2]",
        "another's": place.body(f"answers/cd/{OTHER}.0.json"),
    }[damage])  # fmt: skip

    async def again(journal):
        assert (await texts(journal), await texts(journal, OTHER)) == ([], ["other"])
        await pay(journal, "bought twice")

    place.opened(tmp_path / "b", again)
    assert f"answer {KEY[:12]} is damaged in S3" in caplog.text
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


@pytest.mark.parametrize("effect", [Fail("InternalError"), Fail("AccessDenied"), Drop()])
def test_what_s3_does_not_take_is_kept_here_and_sent_by_the_next_run(between, proxy, tmp_path, effect):
    async def first(journal):
        with pytest.raises(JournalError, match="answers/ab"):
            await pay(journal, "paid for")
        return await texts(journal)

    proxy.on("PutObject", effect, key="answers/")
    assert between.opened(tmp_path / "a", first, shard=Shard(1, 2)) == ["paid for"]
    assert between.names("answers/") == []
    proxy.clear()
    spent = between.opened(tmp_path / "a", lambda journal: journal.spent(), shard=Shard(1, 2))
    assert (spent.calls, spent.tokens, spent.cost, spent.indeterminate) == (1, 12, 0.25, 0)
    assert json.loads(between.body(PLACE))["answer"]["shard"] == "1/2"
    assert list((tmp_path / "a" / "state" / "unsent").iterdir()) == []
    assert between.opened(tmp_path / "b", texts) == ["paid for"]


def test_an_s3_that_hangs_is_not_waited_for(between, proxy, tmp_path, monkeypatch):
    """A process that is told to go has seconds; when they are over, no paid answer may be in its memory alone."""
    monkeypatch.setattr("querygen_aws.journal.memory._PATIENCE", 0.3)

    async def work(journal):
        with pytest.raises(JournalError, match=r"did not take an answer within 0\.3 s"):
            await pay(journal, "paid for")
        return await texts(journal)

    proxy.on("PutObject", Delay(3600), key="answers/")
    assert between.opened(tmp_path, work) == ["paid for"]
    proxy.clear()
    assert between.opened(tmp_path, texts) == ["paid for"]
    assert len(between.names("answers/")) == 1


def test_what_cannot_be_noted_for_the_next_run_is_in_this_disk_s_journal_all_the_same(between, proxy, tmp_path):
    async def work(journal):
        (tmp_path / "state" / "unsent").write_text("no folder")
        with pytest.raises(JournalError, match="unsent"):
            await pay(journal, "paid for")
        return await texts(journal)

    proxy.on("PutObject", Fail("InternalError"), key="answers/")
    assert between.opened(tmp_path, work) == ["paid for"]


def test_what_was_not_sent_gives_way_to_what_another_sent_meanwhile(between, proxy, tmp_path):
    async def first(journal):
        with pytest.raises(JournalError):
            await pay(journal, "late")

    proxy.on("PutObject", Fail("InternalError"), key="answers/")
    between.opened(tmp_path / "a", first)
    proxy.clear()
    between.opened(tmp_path / "b", lambda journal: pay(journal, "first"))

    async def again(journal):
        return await texts(journal), (await journal.spent()).calls

    assert between.opened(tmp_path / "a", again) == (["first"], 2), "both were paid for"


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_what_no_other_run_can_heal_is_said_at_the_start(between, proxy, tmp_path, code):
    proxy.on(".*", Fail(code, 403 if code == "AccessDenied" else 404))
    with pytest.raises(JournalError, match=r"s3://bucket-.*/journal/test-job/leases") as caught:
        between.opened(tmp_path, nothing)
    assert caught.value.exit_code == (77 if code == "AccessDenied" else 78)
