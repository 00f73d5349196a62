"""PostgreSQL for tests: the server of `dsn: embedded`, quick instead of durable, with a new database for each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from querygen_embedded import EmbeddedServer

_numbers = count()


@dataclass(frozen=True)
class Database:
    """A database of its own. dsn: as its owner, who is superuser."""

    server: Server
    name: str

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a statement, run in a transaction of its own."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, *values: object) -> Any:
        return self.rows(sql, *values)[0][0]

    def as_role(self, role: str, password: str = "secret of a role") -> str:
        """The dsn of a new role that may log in and no more; grants are the test's."""
        self.rows(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        return make_conninfo(self.dsn, user=role, password=password)


@dataclass(frozen=True)
class Server:
    parameters: dict[str, str | int]

    def dsn(self, name: str = "postgres") -> str:
        return make_conninfo("", **{**self.parameters, "dbname": name})

    @contextmanager
    def database(self, how: str = "", name: str = "") -> Iterator[Database]:
        """A new one. how: options of CREATE DATABASE. name: by default one that no other has."""
        name = name or f"test_{next(_numbers)}"
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {} {}").format(Identifier(name), SQL(how)))  # type: ignore[arg-type]
            try:
                yield Database(self, name)
            finally:
                connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server in `folder`, gone afterwards. A crash of the machine may take its data, a kill does not."""
    embedded = EmbeddedServer(folder, logging.getLogger("tests.postgres"))
    server = Server(embedded.start())
    try:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        embedded.stop()
