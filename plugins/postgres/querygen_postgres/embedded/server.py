"""A server for everybody who names its folder."""

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
from querygen_postgres.embedded.binaries import find_binaries
from querygen_postgres.embedded.launch import launch
from querygen_postgres.embedded.layout import Layout
from querygen_postgres.embedded.lock import ALONE, TOGETHER, Lock, is_free, opened

Parameters = dict[str, str | int]

_ANSWER_PATIENCE = 30.0
"""Seconds for a server that is there to answer, or to end if it does not; starting one has its own limits."""

_TURN_PATIENCE = 330.0
_STOP_PATIENCE = 35.0
_PAUSE = 0.01
_HERE: Parameters = {"host": "127.0.0.1", "hostaddr": "127.0.0.1", "sslmode": "disable", "gssencmode": "disable"}
"""Said in full: else PGHOSTADDR or PGSSLMODE, meant for another server, would lead astray."""

_WRONG_PASSWORD = "password authentication failed"  # noqa: S105  # what the server says


class EmbeddedServer:
    """PostgreSQL from the wheel, in `folder`; it runs while anybody uses it, here or in another process."""

    def __init__(self, folder: Path, log: logging.Logger) -> None:
        self._layout = Layout(folder)
        self._log = log
        self._use: Lock | None = None
        self._one_at_a_time = Mutex()

    def start(self) -> Parameters:
        """How to connect, as psycopg's keyword arguments. Called again, it mends: a server that died is started anew.

        Raises SinkError; then nothing is in use.
        """
        with self._one_at_a_time, self._failures():
            self._layout.prepare()
            try:
                with self._turn():
                    self._use = self._use or self._used()
                    return self._reach()
            except BaseException:
                self._leave()
                raise

    def stop(self) -> None:
        """The server is gone, or somebody else uses it."""
        with self._one_at_a_time:
            if self._use is not None:
                self._leave()

    def __str__(self) -> str:
        return f"server in {self._layout.folder}"

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the {self} cannot be started: {error}; it needs a local folder that is yours to write"
            raise SinkError("retry" if error.errno == errno.ENOSPC else "permanent", message) from error

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with opened(self._layout.start) as lock:
            if not lock.take(ALONE, _TURN_PATIENCE):
                raise SinkError("retry", f"another run does not get on with starting the {self}")
            yield

    def _used(self) -> Lock:
        """The keeper has this lock while it ends a server, which nobody is to use any more."""
        lock = Lock(self._layout.users)
        if lock.take(TOGETHER, _STOP_PATIENCE):
            return lock
        lock.close()
        raise SinkError("retry", f"an earlier {self} does not end")

    def _leave(self) -> None:
        """It is the keeper that ends the server. What it has not ended here is said, but is no failure of the job."""
        if self._use is not None:
            self._use.close()
            self._use = None
        try:
            with opened(self._layout.start) as turn:
                if not turn.take(ALONE, _STOP_PATIENCE) or self._is_used():
                    return
            with opened(self._layout.server) as server:
                if not server.take(ALONE, _STOP_PATIENCE):
                    self._log.warning("the %s has not ended yet; see %s", self, self._layout.log)
        except OSError as error:  # such as a folder that was removed meanwhile
            self._log.debug("cannot see whether the %s has ended: %s", self, error)

    def _is_used(self) -> bool:
        """By others than the keeper, which shares it with nobody."""
        with opened(self._layout.users) as lock:
            return not lock.try_to_take(ALONE) and lock.try_to_take(TOGETHER)

    def _reach(self) -> Parameters:
        until = monotonic() + _ANSWER_PATIENCE
        while True:
            if is_free(self._layout.server):
                launch(self._layout, find_binaries())
                self._log.debug("started the %s", self)
            try:
                return self._connected()
            except psycopg.OperationalError as error:
                if _WRONG_PASSWORD in str(error):
                    message = f"the password in {self._layout.password} is not the server's: remove the folder; what"
                    raise SinkError("permanent", f"{message} it holds is rebuilt from the job's journal") from error
                if monotonic() > until:
                    raise SinkError("retry", f"the {self} does not answer: {error}") from error
            sleep(_PAUSE)

    def _connected(self) -> Parameters:
        """A server whose start is not over, its starter killed, has no port yet. 0 is a port that nobody answers at."""
        port = int(self._layout.server.read_text(encoding="ascii") or 0)
        password = self._layout.password.read_text(encoding="ascii") if port else ""
        name = "postgres"
        parameters: Parameters = {"port": port, "user": name, "password": password, "dbname": name, **_HERE}
        psycopg.connect(**parameters, connect_timeout=5).close()  # type: ignore[arg-type]  # one type for all values
        return parameters
