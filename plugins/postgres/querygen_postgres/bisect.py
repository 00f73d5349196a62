"""Finds the items of a batch that PostgreSQL rejects, by halving it, so that all others are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import psycopg

from querygen_postgres.failures import TooSlow, column_of, describe
from querygen_postgres.rows import AlteredRows
from querygen_postgres.session import Session

_CONSTRAINT_COLUMNS = """
SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
WHERE c.conname = %s AND c.conrelid = to_regclass(quote_ident(%s) || '.' || quote_ident(%s))
"""

I = TypeVar("I")  # noqa: E741 - I for item
R = TypeVar("R")

Work = Callable[[Sequence[I]], dict[str, R]]
DataProblem = psycopg.Error | UnicodeError | AlteredRows | TooSlow
"""An error about the data of a batch, or its size; `Session` reports all others as `SinkError`."""


def bisect(batch: Sequence[I], work: Work[I, R], reject: Callable[[I, DataProblem], dict[str, R]]) -> dict[str, R]:
    """Results for the whole batch, by product key.

    work: stores a batch in one transaction, or raises. reject: the result for an item that fails alone too.
    """
    if not batch:
        return {}
    try:
        return work(batch)
    except (psycopg.Error, UnicodeError, AlteredRows, TooSlow) as error:
        # `work` is one transaction, so nothing of the batch is stored. A rejected item costs about 2 log2(batch) calls.
        if len(batch) == 1:
            return reject(batch[0], error)
    middle = len(batch) // 2
    return {**bisect(batch[:middle], work, reject), **bisect(batch[middle:], work, reject)}


def explain(error: DataProblem, texts: Mapping[str, Iterable[str]], session: Session) -> str:
    """One sentence that names the column, which PostgreSQL's own message often does not.

    texts: the values that were to be stored, by column.
    """
    if isinstance(error, TooSlow):
        return f"{error}: the product takes longer than statement_timeout, even by itself"
    if isinstance(error, AlteredRows):
        return str(error)
    if isinstance(error, UnicodeError) or error.sqlstate is None:
        # psycopg refuses such text before anything is sent, so there is no SQLSTATE and no column.
        columns = [name for name, values in texts.items() if any(map(is_unstorable, values))]
        return f"column {', '.join(columns) or '?'}: PostgreSQL stores neither NUL characters nor lone surrogates"
    details = error.diag
    if column_of(error) or not details.constraint_name:
        return describe(error)
    values = (details.constraint_name, details.schema_name, details.table_name)
    row = session.read(lambda cursor: cursor.execute(_CONSTRAINT_COLUMNS, values).fetchone())
    return f"column {row[0]}: {describe(error)}" if row and row[0] else describe(error)


def is_unstorable(text: str) -> bool:
    """It has a NUL character or a lone surrogate."""
    return "\0" in text or text.encode("utf-8", "replace").decode() != text
