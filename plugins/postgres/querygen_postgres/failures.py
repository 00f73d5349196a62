"""What an error of PostgreSQL means: try again, other credentials, other data, or nothing helps."""

from __future__ import annotations

import re
from typing import Literal

import psycopg

from querygen_core.api import SinkError

Kind = Literal["retry", "auth", "data", "permanent"]

_KINDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    # connection, rollback, resources, operator, disk; then: lock timeout, object in use, read-only after a failover,
    # idle in transaction, statement timeout
    ("retry", ("08", "40", "53", "57", "58", "55P03", "55006", "25006", "25P03", "25P04")),
    ("auth", ("28", "42501")),
    ("data", ("22", "23", "44", "54", "P0")),
)
_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" does not exist"
    r"|permission denied for database|certificate verify failed|root certificate file|is not permitted to log in",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"database \".*\" does not exist|server does not support SSL|invalid (?:port|sslmode|connection)")
_COPIED_COLUMN = re.compile(r"^COPY [^,]+, line \d+, column (\w+)")
_HINT = re.compile(r"\s*(?:DETAIL: |HINT: |Is the server running |This probably means |before or while processing )")
_LONGEST = 300


def kind_of(error: Exception) -> Kind:
    """Text that PostgreSQL cannot hold is refused by psycopg, before anything is sent: no SQLSTATE, yet data."""
    if isinstance(error, UnicodeError):
        return "data"
    if not isinstance(error, psycopg.Error):
        return "permanent"
    if error.sqlstate is None:
        return "data" if isinstance(error, psycopg.DataError) else _without_state(error)
    for kind, beginnings in _KINDS:
        if error.sqlstate.startswith(beginnings):
            return kind
    return "permanent"


def _without_state(error: psycopg.Error) -> Kind:
    """There is no SQLSTATE for a connection that was not made; libpq's words are all there is."""
    text = str(error)
    if _REFUSED.search(text):
        return "auth"
    if _ABSENT.search(text) or isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError):
        return "permanent"
    return "retry"


def sink_error(error: Exception, place: str) -> SinkError:
    """What a caller outside is told. place: where it happened, without a secret."""
    kind = kind_of(error)
    return SinkError("permanent" if kind == "data" else kind, f"{place}: {describe(error)}")


def describe(error: Exception) -> str:
    """One sentence in PostgreSQL's own words, with the column or constraint where it names one."""
    if not isinstance(error, psycopg.Error):
        return _cut(str(error))
    said = error.diag
    if said.message_primary is None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and not _HINT.match(line)]
        return _cut(lines[-1] if lines else type(error).__name__)
    text = said.message_primary
    if column := column_of(error):
        text = f"column {column}: {text}"
    if said.message_detail and error.sqlstate in ("23503", "23505"):
        text = f"{text}: {said.message_detail}"
    return _cut(text)


def column_of(error: psycopg.Error) -> str | None:
    """The column that PostgreSQL names; for a constraint it names none."""
    if error.diag.column_name:
        return error.diag.column_name
    copied = _COPIED_COLUMN.match(error.diag.context or "")
    return copied[1] if copied else None


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
