"""Killed clients, supervisors and servers leave no process behind and lose nothing that was committed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from embedded_clients import (
    LOG,
    answers,
    client,
    eventually,
    execute,
    kill,
    postmaster,
    processes,
    served,
    supervisor,
)
from querygen_core.api import SinkError
from querygen_embedded import EmbeddedServer
from querygen_embedded.binaries import find_binaries
from querygen_embedded.launch import launch
from querygen_embedded.lock import SHARED, open_lock
from querygen_embedded.paths import ServerPaths

pytestmark = pytest.mark.slow

ROWS = 10_000


def fill(parameters: dict) -> None:
    execute(parameters, f"create table kept as select generate_series(1, {ROWS}) as number")


def count(parameters: dict) -> int:
    return execute(parameters, "select count(distinct number) from kept")[0][0]


def test_a_killed_client_leaves_no_server(folder):
    with client(folder) as only:
        parameters = only.ask("start")
        fill(parameters)
        assert len(processes(folder)) == 2
        only.process.kill()
        assert eventually(lambda: not processes(folder))
    with served(folder) as again:
        assert count(again) == ROWS


def test_a_killed_group_of_processes_leaves_no_server_and_none_of_others_dies(folder):
    with client(folder, start_new_session=True) as first, client(folder) as second:
        parameters = first.ask("start")
        assert second.ask("start") == parameters
        os.killpg(first.process.pid, signal.SIGKILL)
        assert first.process.communicate(timeout=60) == ("", "")  # the supervisor holds none of its pipes
        assert answers(parameters)
        second.process.kill()
        assert eventually(lambda: not processes(folder))


def test_a_client_killed_during_the_first_start(empty):
    with client(empty) as only:
        only.tell("start")
        assert eventually((empty / "data.partial").exists)
        only.process.kill()
        with served(empty) as parameters:
            fill(parameters)
            assert count(parameters) == ROWS


def test_a_supervisor_killed_during_the_first_start(empty):
    server = EmbeddedServer(empty, LOG)
    with ThreadPoolExecutor(1) as thread:
        start = thread.submit(server.start)
        assert eventually((empty / "data.partial").exists)
        kill(supervisor(empty))
        with pytest.raises(SinkError, match="was killed while it started") as caught:
            start.result()
    assert caught.value.kind == "retry"
    with served(empty) as parameters:
        assert answers(parameters)
    assert not (empty / "data.partial").exists()


def test_a_killed_server_recovers(folder):
    """Start mends, for those who still use it as for those who come."""
    server = EmbeddedServer(folder, LOG)
    before = server.start()
    fill(before)
    kill(postmaster(folder))
    with served(folder) as parameters:
        assert count(parameters) == ROWS
        assert server.start() == parameters
        server.stop()
        assert answers(parameters)


def test_a_server_does_not_outlive_its_supervisor(folder):
    with served(folder) as parameters:
        fill(parameters)
        kill(supervisor(folder))
        assert eventually(lambda: not processes(folder))
        assert not answers(parameters)
    with served(folder) as again:
        assert count(again) == ROWS


def test_supervisor_and_server_killed(folder):
    with client(folder) as only:
        fill(only.ask("start"))
        kill(postmaster(folder), supervisor(folder))
    with served(folder) as parameters:
        assert count(parameters) == ROWS


BUSY = "do $$ begin while (pg_stat_file('released', true)).size is null loop end loop; end $$ -- busy"


def test_what_is_left_of_a_killed_server_is_waited_for(folder):
    """A busy backend does not see that its server has died, and works on in the data."""
    with client(folder) as only, ThreadPoolExecutor(2) as threads:
        parameters = only.ask("start")
        fill(parameters)
        busy = threads.submit(execute, parameters, BUSY)
        try:
            active = "select 1 from pg_stat_activity where query like '%-- busy' and pid <> pg_backend_pid()"
            assert eventually(lambda: execute(parameters, active))
            kill(postmaster(folder), supervisor(folder))
            server = EmbeddedServer(folder, LOG)
            start = threads.submit(server.start)
            assert wait([start], timeout=0.5).not_done
        finally:
            (folder / "data" / "released").touch()
        assert count(start.result()) == ROWS
        server.stop()
        busy.exception()  # or none: it may have had the time to answer


def test_a_killed_backend_takes_nothing_with_it(folder):
    with served(folder) as parameters:
        fill(parameters)
        with pytest.raises(psycopg.OperationalError):
            execute(parameters, "copy (select pg_backend_pid()) to program 'xargs kill -9'")
        assert eventually(lambda: answers(parameters))
        assert count(parameters) == ROWS


def test_a_stale_process_id_that_is_somebody_elses_now(folder):
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        try:
            with client(folder) as only:
                fill(only.ask("start"))
                stale = (folder / "data" / "postmaster.pid").read_text().splitlines()
                kill(postmaster(folder), supervisor(folder))
            stale[0] = str(stranger.pid)
            (folder / "data" / "postmaster.pid").write_text("\n".join([*stale, ""]))
            with served(folder) as parameters:
                assert count(parameters) == ROWS
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_what_an_interrupted_setup_left(empty):
    (empty / "data.partial" / "base").mkdir(parents=True)
    (empty / "data.partial" / "PG_VERSION").write_text("18\n")
    with served(empty) as parameters:
        assert answers(parameters)
    assert not (empty / "data.partial").exists()


def test_two_supervisors_at_once(empty):
    """The first one's starter was killed before it could see a server. Whoever comes then starts a second one."""
    paths = ServerPaths(empty)
    paths.prepare()
    with open_lock(paths.users) as use, ThreadPoolExecutor(2) as pool:
        assert use.acquire(SHARED, 1)
        for started in [pool.submit(launch, paths, find_binaries()) for _ in range(2)]:
            started.result()
        with served(empty) as parameters:
            assert answers(parameters)
    assert eventually(lambda: not processes(empty))


PORT_TAKEN = """
import signal, sys
from pathlib import Path
from querygen_embedded import supervisor
from querygen_embedded.paths import ServerPaths
ports = iter([int(sys.argv[3]), int(sys.argv[3]), supervisor.free_port()])
supervisor.free_port = lambda: next(ports)
server = supervisor._start(ServerPaths(Path(sys.argv[1])), Path(sys.argv[2]))
server.send_signal(signal.SIGINT)
print(server.wait(), list(ports))
"""


def test_a_port_that_somebody_takes_in_that_moment(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-c", PORT_TAKEN, str(folder), str(find_binaries()), str(taken.getsockname()[1])]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("0 []\n", "")
