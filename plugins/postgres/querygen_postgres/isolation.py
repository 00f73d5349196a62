"""What PostgreSQL will not take is found by halves: the product goes to the dead letters, all others are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import psycopg

from querygen_postgres.failures import column_of, describe
from querygen_postgres.session import Session

_CONSTRAINED = """
SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_constraint c
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
WHERE c.conname = %s AND c.conrelid = to_regclass(quote_ident(%s) || '.' || quote_ident(%s))
"""

I = TypeVar("I")  # noqa: E741 - I for item
R = TypeVar("R")

Work = Callable[[Sequence[I]], dict[str, R]]
Refused = psycopg.Error | UnicodeError


def isolate(batch: Sequence[I], work: Work[I, R], refuse: Callable[[I, Refused], dict[str, R]]) -> dict[str, R]:
    """Results for the whole batch; `refuse` gives that of an item which by itself cannot be stored."""
    try:
        return work(batch)
    except (psycopg.Error, UnicodeError) as error:
        if len(batch) == 1:
            return refuse(batch[0], error)
    middle = len(batch) // 2
    return {**isolate(batch[:middle], work, refuse), **isolate(batch[middle:], work, refuse)}


def explain(error: Refused, texts: Mapping[str, Iterable[str]], session: Session) -> str:
    """One sentence that names the column, which PostgreSQL itself does not always do. texts: what went there."""
    if isinstance(error, UnicodeError) or error.sqlstate is None:
        columns = [name for name, values in texts.items() if any(map(is_unstorable, values))]
        return f"column {', '.join(columns) or '?'}: PostgreSQL stores neither NUL characters nor lone surrogates"
    said = error.diag
    if column_of(error) or not said.constraint_name:
        return describe(error)
    values = (said.constraint_name, said.schema_name, said.table_name)
    row = session.read(lambda cursor: cursor.execute(_CONSTRAINED, values).fetchone())
    return f"column {row[0]}: {describe(error)}" if row and row[0] else describe(error)


def is_unstorable(text: str) -> bool:
    return "\0" in text or text.encode("utf-8", "replace").decode() != text
