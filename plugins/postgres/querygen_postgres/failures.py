"""Classifies PostgreSQL's errors: worth a retry, refused credentials, refused data, or permanent."""

from __future__ import annotations

import re
from typing import Literal

import psycopg

from querygen_core.api import SinkError

Kind = Literal["retry", "auth", "data", "permanent"]

_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    # Classes of SQLSTATE: connection, rollback, resources, operator intervention, system error. Single codes: lock not
    # available, object in use, read-only transaction (after a fail-over), idle-in-transaction and transaction timeouts.
    ("retry", ("08", "40", "53", "57", "58", "55P03", "55006", "25006", "25P03", "25P04")),
    ("auth", ("28", "42501")),
    ("data", ("22", "23", "44", "54", "P0")),
)
# English messages. In another language they are not recognised, and such an error counts as `retry`.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" does not exist"
    r"|permission denied for database|is not permitted to log in"
    r"|certificate verify failed|root certificate file|does not match host name",
    re.IGNORECASE,
)
_TLS_ADVICE = (
    ("certificate verify failed", "name the file with the certificate of its authority in sslrootcert"),
    ("does not match host name", "use the name that its certificate has"),
    ("server does not support SSL", "switch TLS on there, or set sslmode: disable, which encrypts nothing"),
)
_ABSENT = re.compile(r"database \".*\" does not exist|server does not support SSL|invalid (?:port|sslmode|connection)")
_COPIED_COLUMN = re.compile(r"^COPY [^,]+, line \d+, column (\w+)")
_READ_ONLY = re.compile(r"session is read-only|server is in hot standby mode")
_HINT = re.compile(r"\s*(?:DETAIL: |HINT: |Is the server running |This probably means |before or while processing )")
_MAX_LENGTH = 300


def kind_of(error: Exception) -> Kind:
    """Psycopg itself rejects text that PostgreSQL cannot store, before anything is sent: no SQLSTATE, but `data`."""
    if isinstance(error, UnicodeError):
        return "data"
    if not isinstance(error, psycopg.Error):
        return "permanent"
    if error.sqlstate is None:
        return "data" if isinstance(error, psycopg.DataError) else _kind_by_text(error)
    for kind, prefixes in _KINDS:
        if error.sqlstate.startswith(prefixes):
            return kind
    return "permanent"


def _kind_by_text(error: psycopg.Error) -> Kind:
    """An error while connecting has no SQLSTATE; libpq's message is all there is."""
    text = str(error)
    if _REFUSED.search(text):
        return "auth"
    if _ABSENT.search(text) or isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError):
        return "permanent"
    return "retry"


class ReadOnlyError(SinkError):
    """The server takes no writes: during a fail-over for a moment, otherwise for good."""


class TooSlow(SinkError):
    """A statement was cancelled, because it took longer than `statement_timeout`, or by somebody."""


def sink_error(error: Exception, location: str) -> SinkError:
    """The error for callers outside the plugin. location: names the database, without a secret."""
    kind = kind_of(error)
    text = f"{location}: {describe(error)}"
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:  # while connecting
        if _READ_ONLY.search(str(error)):
            return ReadOnlyError("retry", text)
        text += next((f"; {advice}" for problem, advice in _TLS_ADVICE if problem in str(error)), "")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return TooSlow("retry", text)
    return SinkError("permanent" if kind == "data" else kind, text)


def describe(error: Exception) -> str:
    """PostgreSQL's own message as one line, with the column or constraint if it names one."""
    if not isinstance(error, psycopg.Error):
        return _shorten(str(error))
    details = error.diag
    if details.message_primary is None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and not _HINT.match(line)]
        return _shorten(lines[-1] if lines else type(error).__name__)
    text = details.message_primary
    if column := column_of(error):
        text = f"column {column}: {text}"
    if details.message_detail and error.sqlstate in ("23503", "23505"):
        text = f"{text}: {details.message_detail}"
    return _shorten(text)


def column_of(error: psycopg.Error) -> str | None:
    """The column that PostgreSQL names. It names none for a violated constraint."""
    if error.diag.column_name:
        return error.diag.column_name
    copied = _COPIED_COLUMN.match(error.diag.context or "")
    return copied[1] if copied else None


def constraint_of(error: Exception) -> str:
    """The constraint that PostgreSQL names; "" if it names none."""
    return (error.diag.constraint_name or "") if isinstance(error, psycopg.Error) else ""


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_LENGTH else f"{line[:_MAX_LENGTH]}…"
