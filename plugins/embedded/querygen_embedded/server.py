"""The client side: starts a server in a folder, or joins one that already runs there."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock as Mutex
from time import monotonic, sleep

import psycopg

from querygen_core.api import SinkError
from querygen_embedded.binaries import find_binaries
from querygen_embedded.cluster import USER
from querygen_embedded.launch import launch
from querygen_embedded.lock import EXCLUSIVE, SHARED, Lock, is_free, open_lock
from querygen_embedded.paths import ServerPaths
from querygen_embedded.start_error import REBUILD

Parameters = dict[str, str | int]

_CONNECT_TIMEOUT = 30.0
"""Seconds in which a running server must accept a connection, or end; starting one has limits of its own."""

_START_LOCK_TIMEOUT = 330.0  # seconds; longer than another process can take to start the server
_STOP_TIMEOUT = 35.0  # seconds; longer than the supervisor takes for all its signals
_PAUSE = 0.01  # seconds between two attempts to connect
_LOCAL: Parameters = {"host": "127.0.0.1", "hostaddr": "127.0.0.1", "sslmode": "disable", "gssencmode": "disable"}
"""All given explicitly: libpq would fill gaps from PGHOSTADDR or PGSSLMODE, which are meant for another server."""

_WRONG_PASSWORD = "password authentication failed"  # noqa: S105  # part of the server's message


class EmbeddedServer:
    """PostgreSQL from the wheel, in `folder`. It runs while anybody uses it, in this process or another."""

    def __init__(self, folder: Path, log: logging.Logger) -> None:
        self._paths = ServerPaths(folder)
        self._log = log
        self._users_lock: Lock | None = None
        self._mutex = Mutex()

    def start(self) -> Parameters:
        """Use the server, starting it if needed. May be called again: a server that died is started anew.

        Returns:
            How to connect, as keyword arguments for psycopg.

        Raises:
            SinkError: there is no server; then this object does not use one.
        """
        with self._mutex, self._os_errors_reported():
            self._paths.prepare()
            try:
                with self._start_lock():
                    self._users_lock = self._users_lock or self._register_user()
                    return self._start_and_connect()
            except BaseException:
                self._release()
                raise

    def stop(self) -> None:
        """No longer use the server. Returns when it has ended, unless somebody else uses it."""
        with self._mutex:
            if self._users_lock is not None:
                self._release()

    def __str__(self) -> str:
        return f"server in {self._paths.folder}"

    @contextmanager
    def _os_errors_reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the {self} cannot be started: {error}; it needs a folder on a local disk that you may write to"
            raise SinkError("retry" if error.errno == errno.ENOSPC else "permanent", message) from error

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        with open_lock(self._paths.start) as lock:
            if not lock.acquire(EXCLUSIVE, _START_LOCK_TIMEOUT):
                raise SinkError("retry", f"another run is still starting the {self}; run again when it has started")
            yield

    def _register_user(self) -> Lock:
        """Acquire the users' lock. A supervisor holds it while it stops its server, which must not be used any more."""
        lock = Lock(self._paths.users)
        if lock.acquire(SHARED, _STOP_TIMEOUT):
            return lock
        lock.close()
        raise SinkError("retry", f"an earlier {self} has not ended yet; run again")

    def _release(self) -> None:
        """Give up the users' lock and wait for the supervisor to stop the server, if nobody else uses it.

        A server that does not end in time is logged, but does not fail the job.
        """
        if self._users_lock is not None:
            self._users_lock.close()
            self._users_lock = None
        try:
            # With start.lock held nobody can start a new server meanwhile, for whose end we would then wait.
            with open_lock(self._paths.start) as start_lock:
                if not start_lock.acquire(EXCLUSIVE, _STOP_TIMEOUT) or self._has_other_users():
                    return
            with open_lock(self._paths.server) as server_lock:
                if not server_lock.acquire(EXCLUSIVE, _STOP_TIMEOUT):
                    self._log.warning("the %s has not ended yet; see %s", self, self._paths.log)
        except OSError as error:  # such as a folder that was removed meanwhile
            self._log.debug("cannot check whether the %s has ended: %s", self, error)

    def _has_other_users(self) -> bool:
        """Users share the lock; if it cannot be shared, it is the supervisor that holds it, to stop the server."""
        with open_lock(self._paths.users) as lock:
            return not lock.try_acquire(EXCLUSIVE) and lock.try_acquire(SHARED)

    def _start_and_connect(self) -> Parameters:
        until = monotonic() + _CONNECT_TIMEOUT
        while True:
            if is_free(self._paths.server):
                launch(self._paths, find_binaries())
                self._log.debug("started the %s", self)
            try:
                return self._try_to_connect()
            except psycopg.OperationalError as error:
                if _WRONG_PASSWORD in str(error):
                    message = f"the server rejects the password in {self._paths.password}; {REBUILD}"
                    raise SinkError("permanent", message) from error
                if monotonic() > until:
                    raise SinkError("retry", f"the {self} accepts no connections: {error}") from error
            sleep(_PAUSE)

    def _try_to_connect(self) -> Parameters:
        """The parameters, once they have worked."""
        # No port yet: a supervisor whose user was killed is still starting the server. Nothing listens on port 0.
        port = int(self._paths.server.read_text(encoding="ascii") or 0)
        password = self._paths.password.read_text(encoding="ascii") if port else ""
        parameters: Parameters = {"port": port, "user": USER, "password": password, "dbname": USER, **_LOCAL}
        psycopg.connect(**parameters, connect_timeout=5).close()  # type: ignore[arg-type]  # one type for all values
        return parameters
