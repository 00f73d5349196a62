"""The server of `dsn: embedded`, and how to kill it while it is used."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from faults_world import eventually, sink_to
from querygen_core.testing import context
from querygen_embedded import EmbeddedServer
from querygen_embedded.lock import is_free
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
        """End the postmaster, whose process id is in the first line of its file."""
        os.kill(int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)


def execute(parameters: dict, statement: str) -> list:
    with psycopg.connect(**parameters, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    """Gone afterwards: every process of the server holds its lock until it has ended."""
    embedded = Embedded(tmp_path)
    yield embedded
    embedded.server.stop()
    assert eventually(lambda: is_free(embedded.folder / "server.lock"))
