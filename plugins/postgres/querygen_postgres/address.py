"""The way to a database, found anew for each connection: a rotated password or a fresh token is used at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import psycopg

from querygen_core.api import Context, QuerygenError, Secret
from querygen_postgres.dsn import Parameters, place, read_dsn
from querygen_postgres.embedded import EmbeddedServer
from querygen_postgres.failures import sink_error
from querygen_postgres.options import EMBEDDED, ConnectionOptions

C = TypeVar("C")

_KEEPALIVE: Parameters = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_LONGEST_NAME = 63  # PostgreSQL cuts application_name there


class Address:
    """Where a component's database is. replica: another dsn than the options', of which only reading is asked."""

    def __init__(self, options: ConnectionOptions, context: Context, replica: Secret | None = None) -> None:
        dsn = replica or options.dsn
        self._dsn = dsn if isinstance(dsn, Secret) else None
        self._options = options
        self._job_id = context.job_id
        self._folder = context.state_dir / "postgres"
        self._server = EmbeddedServer(self._folder, context.log) if self._dsn is None else None
        self._needs_writing = replica is None

    @cached_property
    def place(self) -> str:
        """Names the database without a secret. A secret that cannot be fetched now is named by its reference."""
        if self._dsn is None:
            return f"{EMBEDDED}:{_shown(self._folder)}"
        try:
            return place(read_dsn(self._dsn.reveal()))
        except QuerygenError:
            return str(self._dsn)

    @property
    def is_embedded(self) -> bool:
        return self._server is not None

    def open(self, connect: Callable[[Parameters], C]) -> C:
        """A connection as `connect` makes it. Refused credentials are fetched again, once. Blocks.

        Raises:
            SinkError: there is no connection; `auth` if it is a matter of credentials.
        """
        held = self._held()
        try:
            return connect(self._parameters())
        except psycopg.Error as error:
            failure = sink_error(error, self.place)
        if failure.kind != "auth" or not _refresh(held):
            raise failure
        try:
            return connect(self._parameters())
        except psycopg.Error as error:
            raise sink_error(error, self.place) from None

    def close(self) -> None:
        """Let go of a server that was started for it."""
        if self._server is not None:
            self._server.stop()

    def _parameters(self) -> Parameters:
        usual: Parameters = {**_KEEPALIVE, "connect_timeout": self._options.connect_timeout}
        if self._needs_writing:
            usual["target_session_attrs"] = "read-write"
        own = {"client_encoding": "utf8", "application_name": application_name(self._job_id)}
        return {**usual, **self._given(), **own}

    def _given(self) -> Parameters:
        if self._dsn is None:
            return dict(self._server.start()) if self._server else {}
        given = read_dsn(self._dsn.reveal())
        if self._options.password is not None:
            given["password"] = self._options.password.reveal()
        tls = {name: getattr(self._options, name) for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")}
        return {**given, **{name: value for name, value in tls.items() if value is not None}}

    def _held(self) -> list[tuple[Secret, str]]:
        """The credentials, and what they are now: another part, which has the same, may renew them at any moment."""
        return [(secret, secret.reveal()) for secret in (self._dsn, self._options.password) if secret is not None]


def _refresh(held: list[tuple[Secret, str]]) -> bool:
    """Fetch the credentials again; False if they are what they were."""
    return [secret.refresh(value) for secret, value in held] != [value for _, value in held]


def application_name(job_id: str) -> str:
    """What `pg_stat_activity` shows; PostgreSQL takes ASCII only."""
    return re.sub(r"[^ -~]", "_", f"querygen:{job_id}")[:_LONGEST_NAME]


def _shown(folder: Path) -> str:
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
