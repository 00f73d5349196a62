"""The server of `dsn: embedded`, and how to kill it while it is used."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.postgres.tests.embedded_clients import eventually, execute, postmaster, processes
from plugins.postgres.tests.faults_world import sink_to
from querygen_core.testing import context
from querygen_postgres.embedded import EmbeddedServer
from querygen_postgres.sink import QueriesSink


class Embedded:
    """In the state folder of a job. `rows` starts it if it is down."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = context(place).state_dir / "postgres"
        self.server = EmbeddedServer(self.folder, context(place).log)

    def rows(self, sql: str) -> list:
        return execute(self.server.start(), sql)

    def sink(self) -> QueriesSink:
        return sink_to("embedded", self.place)

    def kill(self) -> None:
        os.kill(postmaster(self.folder), signal.SIGKILL)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    """Gone afterwards, with all its processes."""
    embedded = Embedded(tmp_path)
    yield embedded
    embedded.server.stop()
    assert eventually(lambda: not processes(embedded.folder))
