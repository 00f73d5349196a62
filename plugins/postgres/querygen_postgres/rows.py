"""New rows of `queries`, as fast as PostgreSQL takes them: ids from the sequence, then COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from querygen_core.api import Query
from querygen_postgres.names import Names
from querygen_postgres.session import Cursor

_COPY = "COPY {queries} (query_id, product_id, query_text, query_type, is_active) FROM STDIN"
_IDS = "SELECT nextval(%s::regclass) FROM generate_series(1, %s)"


def draw_ids(cursor: Cursor, sequence: str, count: int) -> list[int]:
    """Ids that nobody else will get. Those that are not used leave gaps, as any rolled-back INSERT does."""
    if not count:
        return []
    return [number for (number,) in cursor.execute(_IDS, (sequence, count))]


def insert(cursor: Cursor, names: Names, rows: Iterable[tuple[int, int, Query]]) -> None:
    """rows: query_id, product_id, query."""
    with cursor.copy(names.sql(_COPY)) as copy:
        for number, product_id, query in rows:
            copy.write_row((number, product_id, query.text, query.query_type, True))


def array(numbers: Sequence[int]) -> str:
    """As PostgreSQL writes an array, for arrays of different lengths in one parameter."""
    return f"{{{','.join(map(str, numbers))}}}"
