from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.api import Event, Observer, Shard, SinkError
from querygen_core.testing import ObserverContract, context
from querygen_files import build_events
from querygen_files.events import EventsFile
from querygen_files.options import EventsOptions
from querygen_files.output_file import OutputFile

FOLDER = Path(__file__).parent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


def event(seq: int, job_id: str = "autumn", time: str | None = None, **data: object) -> Event:
    when = time or f"2026-11-23T12:00:{seq % 60:02}Z"
    return Event(kind="stage_finished", data=data, job_id=job_id, attempt=1, seq=seq, time=when)


def observer(path: Path) -> EventsFile:
    return EventsFile(OutputFile(str(path), Shard()))


def tell(path: Path, *events: Event) -> None:
    watching = observer(path)
    for told in events:
        watching.on_event(told)


def stored(path: Path) -> list[tuple[str, int]]:
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    return [(record["job_id"], record["seq"]) for record in map(json.loads, lines)]


class TestContract(ObserverContract):
    def observer(self, folder: Path) -> Observer:
        return build_events(EventsOptions(path=str(folder / "events.jsonl")), context(folder))

    def recorded(self) -> list[int]:
        return [seq for _, seq in stored(self.folder / "events.jsonl")]


def test_a_line_is_an_event(path):
    tell(path, event(1, stage="GENERATE", seconds=1.5, note="två\nrader\u2028\x85"))
    line = (
        '{"seq":1,"time":"2026-11-23T12:00:01Z","kind":"stage_finished","job_id":"autumn","attempt":1,"shard":0,'
        '"data":{"stage":"GENERATE","seconds":1.5,"note":"två\\nrader\\u2028\\u0085"}}\n'
    )
    assert path.read_text(encoding="utf-8") == line


def test_events_are_appended_by_one_run_after_the_other(path):
    tell(path, event(1), event(2))
    tell(path, event(3))
    assert stored(path) == [("autumn", 1), ("autumn", 2), ("autumn", 3)]


def test_a_repeated_event_is_written_once(path):
    tell(path, event(1), event(2), event(2))
    before = path.read_bytes()
    tell(path, event(1), event(2))
    assert path.read_bytes() == before
    tell(path, event(2), event(3))
    assert stored(path) == [("autumn", 1), ("autumn", 2), ("autumn", 3)]


def test_jobs_are_told_apart(path):
    tell(path, event(1), event(2))
    tell(path, event(1, "winter"))
    tell(path, event(2, "winter"), event(2), event(3))
    assert stored(path) == [("autumn", 1), ("autumn", 2), ("winter", 1), ("winter", 2), ("autumn", 3)]


def test_a_new_journal_that_counts_from_one_again_loses_no_event(path):
    tell(path, event(1), event(2), event(3))
    tell(path, event(1, time="2026-11-24T00:00:00Z"), event(2, time="2026-11-24T00:00:01Z"))
    tell(path, event(2, time="2026-11-24T00:00:01Z"), event(3, time="2026-11-24T00:00:02Z"))
    assert [seq for _, seq in stored(path)] == [1, 2, 3, 1, 2, 3]


def test_the_torn_tail_is_cut_wherever_it_was_torn(path):
    tell(path, event(1), event(2, text="x" * 100))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole)):
        path.write_bytes(whole[:end])
        tell(path, event(2, text="x" * 100))
        assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\0" * 5000, b'{"seq":3,"ti' + b"\0" * 70_000, b'{"seq":3,' + b"y" * 200_000])
def test_a_zeroed_or_long_tail_is_cut_too(path, tail):
    tell(path, event(1), event(2))
    path.write_bytes(path.read_bytes() + tail)
    tell(path, event(3))
    assert stored(path) == [("autumn", 1), ("autumn", 2), ("autumn", 3)]


@pytest.mark.parametrize("torn", [b'{"se', b"\0" * 100])
def test_a_first_line_that_was_torn(path, torn):
    path.write_bytes(torn)
    tell(path, event(1))
    assert stored(path) == [("autumn", 1)]


def test_a_tail_that_another_left_while_we_run_is_cut(path):
    watching = observer(path)
    watching.on_event(event(1))
    with path.open("ab") as other:
        other.write(b'{"seq":9,"time":"20')
    watching.on_event(event(2))
    assert stored(path) == [("autumn", 1), ("autumn", 2)]


@pytest.mark.parametrize("content", [b"id,title\n1,Lamp\n", b'{"id": 1}', b"x", b'[\n{"seq":1}\n]\n', b"\n"])
def test_a_file_of_something_else_is_not_touched(path, content):
    path.write_bytes(content)
    with pytest.raises(SinkError, match="exists but is not an event file"):
        tell(path, event(1))
    assert path.read_bytes() == content


def test_a_strangers_last_line_is_not_cut(path):
    tell(path, event(1))
    content = path.read_bytes() + b"my own note"
    path.write_bytes(content)
    with pytest.raises(SinkError, match="exists but is not an event file"):
        tell(path, event(2))
    assert path.read_bytes() == content


def test_lines_that_a_person_spoilt_are_passed_over(path):
    tell(path, event(1), event(2))
    path.write_bytes(path.read_bytes() + b'{"seq":\n\xff\n[]\n{"seq":null,"job_id":"autumn","time":""}\n')
    tell(path, event(2), event(3))
    assert path.read_bytes().count(b"\n") == 7


def test_a_symbolic_link_is_not_followed(tmp_path, path):
    (tmp_path / "victim").write_text("")
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(SinkError, match="symbolic link"):
        tell(path, event(1))
    assert (tmp_path / "victim").read_text() == ""


def test_building_it_touches_nothing(tmp_path):
    observer(tmp_path / "deep" / "events.jsonl")
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_moved_away_is_made_again(tmp_path, path):
    watching = observer(path)
    watching.on_event(event(1))
    path.rename(tmp_path / "old")
    watching.on_event(event(2))
    assert (stored(tmp_path / "old"), stored(path)) == ([("autumn", 1)], [("autumn", 2)])


def test_every_event_is_on_disk_when_it_is_taken(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    tell(path, event(1), event(2))
    size = path.stat().st_size
    assert synced == [size // 2, size]


def test_an_event_that_could_not_be_made_durable_is_not_there_and_can_be_sent_again(path, monkeypatch):
    watching = observer(path)
    watching.on_event(event(1))

    def fail(_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(SinkError, match="Input/output error") as caught:
            watching.on_event(event(2))
    assert caught.value.kind == "permanent"
    assert stored(path) == [("autumn", 1)]
    watching.on_event(event(2))
    assert stored(path) == [("autumn", 1), ("autumn", 2)]


def test_two_jobs_at_once_share_a_file(path):
    def run(job_id: str) -> None:
        tell(path, *(event(seq, job_id, text="x" * seq * 100) for seq in range(1, 51)))

    threads = [threading.Thread(target=run, args=(job_id,)) for job_id in ("autumn", "winter")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job_id in ("autumn", "winter"):
        assert [seq for job, seq in stored(path) if job == job_id] == list(range(1, 51))


def test_while_another_adds_an_event_we_wait(path):
    """Else its half-written line would look torn to us."""
    tell(path, event(1))
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=tell, args=(path, event(2)))
        thread.start()
        thread.join(0.1)
        assert stored(path) == [("autumn", 1)]
    thread.join()
    assert stored(path) == [("autumn", 1), ("autumn", 2)]


@pytest.mark.slow
def test_killed_at_random_moments_nothing_is_lost_or_doubled(path):
    """What the process had told, it finds; it is told everything again, as after a lost cursor."""
    script = """
import sys
from test_events import event, observer
watching = observer(sys.argv[1])
for seq in range(1, 100_000):
    watching.on_event(event(seq, time="2026-11-23T12:00:00Z", text="x" * 3000))
    print(seq, flush=True)
"""
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=FOLDER, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            told = [int(process.stdout.readline()) for _ in range(40)]
            process.kill()
        assert process.returncode == -signal.SIGKILL
        tell(path, event(told[-1], time="2026-11-23T12:00:00Z"))
        seqs = [seq for _, seq in stored(path)]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) >= told[-1]


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.lists(st.text()), max_size=4))
def test_any_data_is_one_line_and_comes_back(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    tell(path, Event(kind="k", data=data, seq=1))
    text = path.read_bytes().decode("utf-8")
    assert len(text.splitlines()) == 1
    assert json.loads(text)["data"] == data
