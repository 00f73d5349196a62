"""What the owner of a database can do about a row that it refuses."""

from __future__ import annotations

from typing import Literal

import psycopg

from querygen_postgres.failures import kind_of

_READ_ONLY = "25006"
_BY_STATE = {
    "22001": "make the column wider, or of the type text",
    "22P05": "the encoding of the database lacks a character; only UTF8 has all",
    "23502": "set a default, or drop NOT NULL",
    "23503": "drop the foreign key, or add the row that it asks for",
    "23505": "drop the unique index",
    "23P01": "drop the exclusion constraint",
    "25006": "the server is read-only: name the one that accepts writes",
    "42501": "GRANT it",
}
_PARTITION = "there is no partition for it: create those for the days on which the job runs, or a default partition"
_TRIGGER = "a trigger raised it"
_OTHER = "compare the columns' types with those that `querygen db init` would create"


def kind_of_refusal(error: psycopg.Error) -> Literal["retry", "auth", "permanent"]:
    """`retry` if it is about the moment: a lock, a deadlock, a slow, full or restarting server."""
    kind = kind_of(error)
    return "permanent" if kind == "data" or error.sqlstate == _READ_ONLY else kind


def is_about_content(error: psycopg.Error, table: str) -> bool:
    """Whether a constraint of the table refuses what an invented row says, such as a brand that nobody knows."""
    details = error.diag
    return bool(details.constraint_name) and f"{details.schema_name}.{details.table_name}" == table


def advice_on(error: psycopg.Error) -> str:
    """One clause that says what to do."""
    state = error.sqlstate or ""
    if state in _BY_STATE:
        return _BY_STATE[state]
    if state == "23514":  # PostgreSQL uses the class of CHECK for a row without a partition, but names no constraint
        name = error.diag.constraint_name
        return f"the constraint {name} refuses rows that are as any other" if name else _PARTITION
    if state.startswith("P0"):
        place = (error.diag.context or "").partition("\n")[0]
        return f"{_TRIGGER}: {place}" if place else _TRIGGER
    return _OTHER
