"""S3's bad days: what cannot be delivered is safe somewhere else, once; what can be is delivered, once."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from aws_s3_place import Place, deliver, of_document, of_lines, totals
from aws_server.proxy import CutBody, Delay, Drop, Fail, LoseAnswer
from querygen_core.api import Shard, SinkError
from querygen_core.testing.outcomes import catalogue, counted

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
LAYOUTS = {"document": (r"query/test-job\.json", ".json", of_document), "parts": (r"part-07-", ".jsonl", of_lines)}


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


def attempt(place: Place, proxy, outcomes=None, **options):
    return asyncio.run(deliver(place.sink(environ=proxy.environ, **options), outcomes or catalogue()))


def refused(place: Place, proxy, **options) -> SinkError:
    with pytest.raises(SinkError) as caught:
        attempt(place, proxy, **options)
    return caught.value


def held(body: bytes, layout: str):
    return of_lines(body) if layout == "parts" else of_document(json.loads(body))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_refused_goes_to_one_backup(place, proxy, layout):
    key, ending, _ = LAYOUTS[layout]
    proxy.on("PutObject", Fail("AccessDenied"), key=key)
    for _ in range(2):
        error = refused(place, proxy, layout=layout)
        assert (error.kind, error.backup, error.exit_code) == ("permanent", True, 74)
        ((backup, body),) = place.objects("query/backup_").items()
        assert f"the queries are safe in s3://{place.bucket}/{backup}" in str(error)
        assert "AccessDenied" in str(error)
        assert backup.endswith(ending)
        assert held(body, layout) == counted(catalogue())
    proxy.clear()
    assert totals(attempt(place, proxy, layout=layout))[2] == 0
    stored = place.objects("query/test-job")
    assert sum((held(body, layout) for name, body in stored.items() if "manifest" not in name), counted([])) == counted(
        catalogue()
    )
    assert place.names("query/backup_") == [backup], "delete nothing, and make no second one"


def test_a_later_trouble_uses_the_same_backup(place, proxy):
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/test-job\.json")
    refused(place, proxy)
    (backup,) = place.names("query/backup_")
    with pytest.raises(SinkError):
        attempt(place, proxy, catalogue(version=2))
    assert place.names("query/backup_") == [backup]
    assert held(place.objects()[backup], "document") == counted(catalogue(version=2))


def test_a_record_that_is_damaged_does_no_harm(place, proxy, tmp_path):
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/test-job\.json")
    refused(place, proxy)
    (record,) = (tmp_path / "state").glob("s3-backup-*.json")
    record.write_bytes(b"\xff{")
    assert refused(place, proxy).backup
    assert len(place.names("query/backup_")) == 1


def test_another_machine_finds_the_backup(place, proxy, tmp_path):
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/test-job\.json")
    refused(place, proxy)
    ((made, body),) = place.objects("query/backup_").items()
    earlier = made[: made.rindex("_")] + "_20200101T000000Z.json"
    place.put(earlier, body, **{"querygen-job": "test-job"})
    place.client.delete_object(Bucket=place.bucket, Key=made)
    place.folder = tmp_path / "another"
    refused(place, proxy)
    assert place.names("query/backup_") == [earlier]


def test_each_shard_and_job_has_a_backup_of_its_own(place, proxy):
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/(test-job|other)/")
    for shard in (Shard(0, 2), Shard(1, 2)):
        with pytest.raises(SinkError):
            asyncio.run(
                deliver(
                    place.sink(shard, environ=proxy.environ),
                    [one for one in catalogue() if shard.has(one.product_key)],
                )
            )
    backups = place.objects("query/backup_")
    assert len(backups) == 2
    assert sum(map(of_lines, backups.values()), counted([])) == counted(catalogue())
    place.job = "other"
    refused(place, proxy, layout="parts")
    assert len(place.names("query/backup_")) == 3


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_if_the_bucket_takes_nothing_the_backup_is_a_file(place, proxy, tmp_path, layout, given):
    folder = tmp_path / "rescue" if given else tmp_path / "state"
    options = {"layout": layout, **({"backup_dir": str(folder)} if given else {})}
    rule = proxy.on("PutObject", Fail("AccessDenied"), key="test-job|backup_")
    for _ in range(2):
        error = refused(place, proxy, **options)
        assert (error.kind, error.backup) == ("permanent", True)
        (file,) = folder.glob("backup_*")
        assert f"safe in {file}" in str(error)
        assert held(file.read_bytes(), layout) == counted(catalogue())
    assert place.names() == []
    assert rule.hits == 4
    proxy.clear()
    assert totals(attempt(place, proxy, **options)) == (72, 0, 0)
    assert list(folder.glob("backup_*")) == [file]
    assert place.names("query/backup_") == []


def test_if_nothing_takes_it_the_journal_still_has_it(place, proxy, tmp_path):
    (tmp_path / "file").write_text("")
    proxy.on("PutObject", Fail("AccessDenied"), key="test-job|backup_")
    error = refused(place, proxy, backup_dir=str(tmp_path / "file" / "rescue"))
    assert (error.kind, error.backup) == ("permanent", False)
    assert "no backup could be written either" in str(error)


@pytest.mark.usefixtures("impatient")
def test_a_network_that_goes_down_is_a_reason_too(place, proxy, tmp_path):
    proxy.on("PutObject", Drop(), key=r"query/test-job|backup_")
    error = refused(place, proxy)
    assert (error.kind, error.backup) == ("permanent", True)
    assert len(list((tmp_path / "state").glob("backup_*"))) == 1


CHILD = """
import asyncio, sys
from pathlib import Path
from aws_s3_place import Place, deliver
from querygen_core.testing.outcomes import catalogue
asyncio.run(deliver(Place(sys.argv[1], Path(sys.argv[2])).sink(), catalogue()))
"""


@pytest.mark.parametrize("how", ["asked", "done"])
def test_a_backup_s_name_is_on_disk_before_it_is_sent(place, proxy, tmp_path, how):
    """Killed before the bucket has it, or before the process knows: the next run uses the same name."""
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/test-job\.json")
    reached = proxy.on("PutObject", LoseAnswer() if how == "done" else Delay(3600), key="backup_", first=1)
    hang = proxy.on("PutObject", Delay(3600), key="backup_") if how == "done" else reached
    command = [sys.executable, "-c", CHILD, place.bucket, str(place.folder)]
    with subprocess.Popen(command, cwd=FOLDER, env={**os.environ, **proxy.environ}) as child:
        until = time.monotonic() + 60
        while not (reached.hits and hang.hits) and child.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        child.kill()
    (record,) = (tmp_path / "state").glob("s3-backup-*.json")
    name = json.loads(record.read_text())["name"]
    proxy.clear()
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/test-job\.json")
    assert refused(place, proxy).backup
    assert place.names() == [f"query/{name}.json"]


@pytest.mark.parametrize("same", [True, False])
def test_sixteen_writers_of_one_key_converge(place, same):
    barrier = Barrier(16)

    async def write(number: int) -> None:
        sink = place.sink()
        try:
            await sink.apply(catalogue(version=0 if same else number))
            await asyncio.to_thread(barrier.wait)
            await sink.publish()
        finally:
            await sink.aclose()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: asyncio.run(write(number)), range(16)))
    assert place.names() == ["query/test-job.json"]
    versions = [counted(catalogue(version=number)) for number in range(16)]
    assert of_document(place.document()) in (versions[:1] if same else versions)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_conflict_is_tried_again(place, proxy, code):
    conflict = proxy.on("PutObject", Fail(code, status=409), key=r"test-job\.json", first=4)
    assert totals(attempt(place, proxy)) == (72, 0, 0)
    assert conflict.hits == 4
    assert of_document(place.document()) == counted(catalogue())


def test_a_conflict_without_end_is_a_refusal(place, proxy, monkeypatch):
    monkeypatch.setattr("querygen_aws.s3.bucket.MAX_ATTEMPTS", 3)
    proxy.on("PutObject", Fail("ConditionalRequestConflict"), key=r"test-job\.json")
    error = refused(place, proxy)
    assert error.backup
    assert "other processes keep writing" in str(error)


def test_throttling_and_lost_answers_are_sat_out(place, proxy):
    slow = proxy.on(".*", Fail("SlowDown"), first=3)
    lost = proxy.on("PutObject", LoseAnswer(), key=r"test-job\.json", first=1)
    assert totals(attempt(place, proxy)) == (72, 0, 0)
    assert slow.hits
    assert lost.hits
    assert of_document(place.document()) == counted(catalogue())


def test_an_old_document_is_read_again_if_it_changes_meanwhile(place, proxy):
    place.deliver(catalogue(version=2))
    proxy.on("GetObject", CutBody(3000), first=1)
    changed = proxy.on("GetObject", Fail("PreconditionFailed"), first=1)
    assert totals(attempt(place, proxy)) == (24, 48, 24)
    assert changed.hits == 1
    assert proxy.counts["GetObject"] == 3


def test_an_interrupted_read_of_the_old_document_goes_on(place, proxy):
    place.deliver(catalogue())
    proxy.on("GetObject", CutBody(3000), first=2)
    assert totals(attempt(place, proxy)) == (0, 72, 0)
