"""Real servers, started and stopped by their users."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from embedded_clients import (
    LOG,
    answers,
    client,
    copy_of,
    eventually,
    execute,
    modes,
    postmaster,
    processes,
    served,
)
from querygen_embedded import EmbeddedServer


def test_a_new_server_keeps_its_data(empty):
    with served(empty) as parameters:
        assert parameters["host"] == "127.0.0.1"
        execute(parameters, "create table kept as select 'Ä' as letter")
        assert execute(parameters, "select lower(letter), current_setting('fsync') from kept") == [("ä", "on")]
    assert not processes(empty)
    assert not answers(parameters)
    with served(empty) as again:
        assert execute(again, "select letter from kept") == [("Ä",)]


def test_start_and_stop_are_idempotent(folder):
    server = EmbeddedServer(folder, LOG)
    server.stop()
    first = server.start()
    pid = postmaster(folder)
    assert server.start() == first
    assert postmaster(folder) == pid
    server.stop()
    server.stop()
    assert not processes(folder)


def test_two_handles_share_one_server(folder):
    one, two = EmbeddedServer(folder, LOG), EmbeddedServer(folder, LOG)
    parameters = one.start()
    assert two.start() == parameters
    one.stop()  # it does not wait for the other
    assert answers(parameters)
    two.stop()
    assert not processes(folder)


def test_two_processes_share_one_server(folder):
    with client(folder) as other:
        parameters = other.ask("start")
        with served(folder) as ours:
            assert ours == parameters
            other.ask("stop")
            assert answers(ours)
        assert not processes(folder)
        assert not answers(ours)


@pytest.mark.slow
def test_many_start_a_new_server_at_once(empty):
    servers = [EmbeddedServer(empty, LOG) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        parameters = list(threads.map(EmbeddedServer.start, servers))
        assert parameters == parameters[:1] * 4
        list(threads.map(EmbeddedServer.stop, servers))
    assert not processes(empty)


def test_coming_and_going(folder):
    """Between start and stop a user can connect, whenever others start and stop."""

    def come_and_go(number: int) -> int:
        done = 0
        for turn in range(6):
            with served(folder) as parameters:
                done += execute(parameters, "select 1")[0][0]
                if (turn + number) % 3:
                    threading.Event().wait(0.02 * number)
        return done

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(come_and_go, range(3))) == [6, 6, 6]
    assert not processes(folder)


def test_only_this_machine_reaches_it_and_only_with_the_password(folder):
    with served(folder) as parameters:
        port = int(parameters["port"])
        tcp = [line.split()[1] for file in ("tcp", "tcp6") for line in _table(file) if line.split()[3] == "0A"]
        assert [address for address in tcp if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]
        assert not [line for line in _table("unix") if f".PGSQL.{port}" in line]
        for host in ("127.0.0.2", "::1"):
            with pytest.raises(OSError, match=r"refused|Cannot assign|not supported"):
                socket.create_connection((host, port), timeout=1)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            execute({**parameters, "password": "guessed"}, "select 1")


def _table(name: str) -> list[str]:
    path = Path("/proc/net", name)
    return path.read_text().splitlines()[1:] if path.exists() else []


def test_nothing_tells_port_user_or_password(empty):
    with served(empty) as parameters:
        lines = " ".join(processes(empty).values())
        assert "__main__.py" in lines
        assert "bin/postgres " in lines
        with pytest.raises(psycopg.DataError):
            execute(parameters, "select 'top secret'::int")
    log = (empty / "log").read_text()
    assert "invalid input syntax" in log
    assert "shut down" in log
    assert "select" not in log
    for text in (log, lines):
        assert str(parameters["password"]) not in text
        assert str(parameters["port"]) not in text
    assert 'user "' not in log


def test_the_folder_is_ours_alone(empty, tmp_path):
    empty.mkdir(parents=True)
    empty.chmod(0o755)
    before = modes(empty)
    with served(empty):
        rights = {path.name: path.stat().st_mode & 0o777 for path in (empty, *empty.iterdir())}
    assert rights.pop("server") == rights.pop("data") == 0o700
    assert set(rights) == {"log", "password", "start.lock", "users.lock", "server.lock"}
    assert set(rights.values()) == {0o600}
    assert modes(empty) == before
    assert (empty.parent.stat().st_mode & 0o777) != 0o700 or before[0][1] & 0o777 == 0o700


def test_the_environment_is_not_the_servers(folder, monkeypatch):
    """Variables meant for another server affect neither this server nor its client, and secrets do not reach it."""
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOSTADDR": "192.0.2.1", "PGSSLMODE": "require"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with served(folder) as parameters:
        assert answers(parameters)
        for pid in processes(folder):
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            assert b"PGPORT" not in environment
            assert b"sk-secret" not in environment


def test_a_long_path(made, tmp_path):
    """Longer than the path of a Unix socket may be."""
    with served(copy_of(made, tmp_path / ("a" * 60) / ("b" * 60))) as parameters:
        assert answers(parameters)


def test_a_log_does_not_grow_for_ever(folder):
    (folder / "log").write_bytes(b"x" * 1_000_001)
    with served(folder):
        pass
    assert (folder / "log").stat().st_size < 10_000


def test_the_folder_may_go_before_the_server(folder):
    server = EmbeddedServer(folder, LOG)
    server.start()
    gone = folder.with_name("moved")
    folder.rename(gone)
    server.stop()
    assert eventually(lambda: not processes(folder))
