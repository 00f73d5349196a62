"""Where the snapshot sinks write, and where they refuse to."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import stat

import pytest
from pydantic import ValidationError

from files_snapshots import (
    FORMATS,
    WHOLE,
    Totals,
    catalogue,
    deliver,
    deliver_all,
    failing,
    only,
    sink_for,
    stored,
    wanted,
)
from querygen_core.api import Shard, SinkError
from querygen_files.atomic_file import AtomicFile
from querygen_files.options import EventsOptions, SnapshotOptions
from querygen_files.output_file import OutputFile


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"queries.{request.param}"


def test_the_new_file_has_the_permissions_of_any_new_file_and_the_partial_is_private(path):
    async def run():
        sink = sink_for(path)
        await sink.apply(catalogue(2))
        partial_mode = stat.S_IMODE(path.with_name(f"{path.name}.partial").stat().st_mode)
        await sink.publish()
        return partial_mode, stat.S_IMODE(path.stat().st_mode)

    old = os.umask(0o027)
    try:
        assert asyncio.run(run()) == (0o600, 0o640)
    finally:
        os.umask(old)


def test_check_makes_the_folder_and_leaves_nothing_else(tmp_path, path):
    target = tmp_path / "a" / "b" / path.name
    asyncio.run(sink_for(target).check())
    assert not list(target.parent.iterdir())


def test_check_in_the_middle_of_a_run_disturbs_nothing(path):
    async def run():
        sink = sink_for(path)
        await sink.apply(catalogue(3))
        await sink.check()
        await sink.publish()

    asyncio.run(run())
    assert stored(path) == wanted(catalogue(3))


def test_a_file_where_a_folder_should_be(tmp_path, path):
    (tmp_path / "taken").touch()
    for target in (tmp_path / "taken" / path.name, tmp_path / "taken" / "deeper" / path.name):
        error = failing(target, catalogue(2))
        assert error.kind == "permanent"
        assert "a folder in its path is a file" in str(error)


def test_a_folder_is_no_file(path):
    path.mkdir()
    error = failing(path, catalogue(2))
    assert error.kind == "permanent"
    assert "is a folder" in str(error)


def test_a_symbolic_link_is_not_followed(tmp_path, path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for link in (path, path.with_name(f"{path.name}.partial")):
        link.symlink_to(victim)
        error = failing(path, catalogue(2))
        assert error.kind == "permanent"
        assert f"{link} is a symbolic link" in str(error)
        link.unlink()
    assert victim.read_text() == "precious"


def test_a_second_name_of_another_file_is_not_written_through(tmp_path, path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path.with_name(f"{path.name}.partial").hardlink_to(victim)
    assert failing(path, catalogue(2)).kind == "permanent"
    assert victim.read_text() == "precious"


def test_a_pipe_or_a_socket_is_refused_at_once(path, monkeypatch):
    os.mkfifo(path)
    assert "not a regular file" in str(failing(path, catalogue(2)))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(path.parent)
        server.bind(path.name)  # a socket's address has at most 107 bytes, which a test's folder can exceed
        assert failing(path, catalogue(2)).kind == "permanent"


def test_a_folder_that_must_not_be_written(path):
    path.parent.chmod(0o500)
    if root := os.geteuid() == 0:  # who may write everywhere, and so has to be somebody else for a moment
        os.seteuid(65534)
    try:
        error = failing(path, catalogue(2))
    finally:
        if root:
            os.seteuid(0)
        path.parent.chmod(0o700)
    assert error.kind == "permanent"
    assert "make it writable" in str(error)


def test_a_folder_where_nothing_can_be_made():
    error = failing("/proc/querygen.json", catalogue(2))
    assert error.kind == "permanent"
    assert "/proc/querygen.json" in str(error)


def test_a_name_that_is_too_long(tmp_path):
    assert failing(tmp_path / f"{'x' * 250}.json", catalogue(2)).kind == "permanent"


def test_a_second_writer_is_sent_away_and_can_come_again(path, monkeypatch):
    monkeypatch.setattr("querygen_files.atomic_file.LOCK_TIMEOUT", 0.05)

    async def run():
        first, second = sink_for(path), sink_for(path)
        await first.apply(catalogue(3))
        for call in (second.check(), second.apply(catalogue(6))):
            with pytest.raises(SinkError, match="another run or sink") as caught:
                await call
            assert caught.value.kind == "retry"
        await first.publish()
        assert stored(path) == wanted(catalogue(3))
        return await deliver_all(second, catalogue(6))

    assert asyncio.run(run()) == Totals(12, 3, 0)
    assert stored(path) == wanted(catalogue(6))
    assert only(path)


def test_a_second_writer_waits_for_its_turn(path):
    async def run():
        first, second = sink_for(path), sink_for(path)
        await first.apply(catalogue(3))
        waiting = asyncio.create_task(deliver_all(second, catalogue(6)))
        await asyncio.sleep(0.1)
        await first.publish()
        return await waiting

    assert asyncio.run(run()) == Totals(12, 3, 0)
    assert only(path)


def test_the_leftover_of_a_killed_run_is_overwritten(path):
    path.with_name(f"{path.name}.partial").write_bytes(b"x" * 100_000)
    asyncio.run(deliver_all(sink_for(path), catalogue(3)))
    assert stored(path) == wanted(catalogue(3))
    assert only(path)


def test_a_file_that_is_published_while_we_wait_for_it_is_not_written_into(path, monkeypatch):
    """Between opening the partial and locking it, its owner may rename it: then it is the published file."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text("published by another")
    real, calls = fcntl.flock, []

    def publish_then_lock(file, how):
        calls.append(file)
        if len(calls) == 1:
            partial.rename(path)
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", publish_then_lock)
    draft = AtomicFile(OutputFile(str(path), WHOLE), 0o600)
    assert len(calls) == 2
    assert path.read_text() == "published by another"
    draft.close()


def test_closing_after_publishing_leaves_the_next_writers_draft_alone(path):
    draft = AtomicFile(OutputFile(str(path), WHOLE), 0o600)
    draft.publish()
    partial = path.with_name(f"{path.name}.partial")
    partial.touch()
    draft.close()
    assert partial.exists()


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, "retry"), (errno.EDQUOT, "retry"), (errno.EIO, "permanent"), (errno.EFBIG, "permanent")],
)
def test_only_a_full_disk_may_heal(number, kind):
    with (
        pytest.raises(SinkError, match=r"cannot write out\.json: ") as caught,
        OutputFile("out.json", WHOLE).failures(),
    ):
        raise OSError(number, os.strerror(number))
    assert caught.value.kind == kind


def test_each_shard_has_its_own_file(tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shard = Shard(index=3, size=16)
    target = OutputFile(f"out/{path.name}", shard)
    assert target.identity == f"out/queries.part-00003-of-00016{path.suffix}"
    deliver(f"out/{path.name}", catalogue(3), shard=shard)
    written = tmp_path / target.identity
    assert only(written)
    deliver(path, catalogue(3))
    assert written.read_bytes() == path.read_bytes()


def test_the_identity_is_the_configured_name(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    target = OutputFile("~/out.json", WHOLE)
    assert (target.identity, target.path) == ("~/out.json", tmp_path / "out.json")


@pytest.mark.parametrize("path", ["", ".", "..", "out/", "out/..", "a\0b", "/"])
@pytest.mark.parametrize("options", [SnapshotOptions, EventsOptions])
def test_a_path_that_names_no_file_is_a_mistake_of_the_config(options, path):
    with pytest.raises(ValidationError, match="should name a file"):
        options(path=path)
