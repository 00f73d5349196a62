"""Adds rows to `queries` in the fastest way: ids from the sequence in one statement, then COPY."""

from __future__ import annotations

from collections.abc import Sequence

from querygen_core.api import Query
from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor

_COPY = "COPY {queries} (query_id, product_id, query_text, query_type, is_active) FROM STDIN"
_IDS = "SELECT nextval(%s::regclass) FROM generate_series(1, %s)"
_READ_BACK = """
SELECT query_id, product_id, query_type::text, query_text::text FROM {queries} WHERE query_id = ANY(%s)
"""
# Of the table and of its partitions; 4 is the bit of INSERT. PostgreSQL's own, which check foreign keys, are internal.
_TRIGGERS = """
SELECT DISTINCT t.tgname FROM pg_trigger t
WHERE (t.tgrelid = to_regclass(%s) OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(to_regclass(%s))))
  AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 4 <> 0
ORDER BY t.tgname
"""

NewRow = tuple[int, int, Query]
"""A row to add to `queries`: query_id, product_id, query."""


class AlteredRows(Exception):
    """Rows that were written are not there, or not as they were written."""


class RowWriter:
    """Adds rows to `queries`. sequence: supplies `query_id`.

    Where the table has triggers for INSERT, every row is read back: a trigger may drop rows or change them without an
    error, and then they would be reported as delivered, and be added again by every later run.
    """

    def __init__(self, names: TableNames, sequence: str, *, has_triggers: bool) -> None:
        self._names = names
        self.sequence = sequence
        self._has_triggers = has_triggers

    def allocate_ids(self, cursor: Cursor, count: int) -> list[int]:
        """Take ids from the sequence, which nobody else will get. Unused ones leave gaps, as after a rollback."""
        if not count:
            return []
        return [query_id for (query_id,) in cursor.execute(_IDS, (self.sequence, count))]

    def add(self, cursor: Cursor, rows: Sequence[NewRow]) -> None:
        """Add rows.

        Raises:
            AlteredRows: the table did not store them as they are.
        """
        if not rows:
            return
        with cursor.copy(self._names.sql(_COPY)) as copy:
            for query_id, product_id, query in rows:
                copy.write_row((query_id, product_id, query.text, query.query_type, True))
        # PostgreSQL counts the rows that were stored; a trigger may have dropped some, or put them into another table.
        if self._has_triggers or cursor.rowcount != len(rows):
            self._read_back(cursor, rows)

    def _read_back(self, cursor: Cursor, rows: Sequence[NewRow]) -> None:
        wanted = {(query_id, product_id, query.query_type, query.text) for query_id, product_id, query in rows}
        stored = cursor.execute(self._names.sql(_READ_BACK), ([row[0] for row in rows],)).fetchall()
        if lost := len(wanted.difference(stored)):
            named = ", ".join(triggers(cursor, self._names)) or "none is known"
            raise AlteredRows(
                f"{lost} of {len(rows)} rows are missing from {self._names.schema}.queries, or changed, right after "
                f"they were written: a trigger drops or changes them (triggers for INSERT: {named})"
            )


def triggers(cursor: Cursor, names: TableNames) -> list[str]:
    """The names of the triggers that an INSERT into `queries` fires, without PostgreSQL's own."""
    table = f"{names.schema}.queries"
    return [name for (name,) in cursor.execute(_TRIGGERS, (table, table))]


def array_literal(ids: Sequence[int]) -> str:
    """PostgreSQL's text form of an array: arrays of arrays must be rectangular, so differing lengths travel as text."""
    return f"{{{','.join(map(str, ids))}}}"
