from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from faults_writer import Forks, forking
from postgres_server import Database, Server, running
from querygen_postgres.names import TableNames
from querygen_postgres.schema import create_missing


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """A new database without a table."""
    with server.database() as database:
        yield database


@pytest.fixture
def ready(database: Database) -> Database:
    """A new database with the tables that `querygen db init` makes."""
    create_tables(database)
    return database


def create_tables(database: Database) -> None:
    with psycopg.connect(database.dsn) as connection:
        create_missing(connection.cursor(), TableNames("public"))


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Forks processes that deliver."""
    with forking() as forks:
        yield forks
