"""The layout of the ledger's tables: its version, and the steps from an older one."""

from __future__ import annotations

from typing import LiteralString

from querygen_core.api import SinkError
from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor

LAYOUT = 2
"""The version that this module reads and writes. Raise it with every change of the ledger's tables and add a step."""

_FIRST_RECORDED = 2  # the table `layout` came with it
# Only in layout 1 `delivery` has a column `place`.
_EXISTS = """
SELECT to_regclass(%(delivery)s) IS NOT NULL, to_regclass(%(layout)s) IS NOT NULL, EXISTS (
  SELECT FROM pg_attribute WHERE attrelid = to_regclass(%(delivery)s) AND attname = 'place' AND NOT attisdropped)
"""
_READ = "SELECT max(version) FROM {layout}"
_WRITE = "INSERT INTO {layout} (version) VALUES (%s)"
_FROM_1: LiteralString = """
ALTER TABLE {delivery}
  ADD COLUMN version bigint NOT NULL DEFAULT 0,
  ADD COLUMN hidden_ids bigint[] NOT NULL DEFAULT '{{}}',
  ALTER COLUMN product_id DROP NOT NULL,
  DROP CONSTRAINT delivery_pkey, ADD CONSTRAINT delivery_pkey PRIMARY KEY (product_key, job_id),
  DROP COLUMN place
"""
_STEPS: dict[int, tuple[LiteralString, ...]] = {
    1: (_FROM_1, "CREATE INDEX delivery_product_id ON {delivery} (product_id)"),
}
"""By layout: the statements that lead to the next one. Tables that are new are made by schema.sql afterwards."""


def current_layout(cursor: Cursor, names: TableNames) -> int | None:
    """The layout of the ledger that is there; None without one. The role needs USAGE on the schema.

    Where none is recorded, because a restore has left it out, the tables tell.

    Raises:
        SinkError: it is newer than this module knows.
    """
    tables = {"delivery": f"{names.ledger}.delivery", "layout": f"{names.ledger}.layout"}
    has_delivery, has_layout, is_first = cursor.execute(_EXISTS, tables).fetchone() or (False, False, False)
    if not has_delivery:
        return None
    row = cursor.execute(names.sql(_READ)).fetchone() if has_layout else None
    version = row[0] if row and row[0] is not None else 1 if is_first else _FIRST_RECORDED
    if version > LAYOUT:
        known = f"this querygen knows layouts up to {LAYOUT}: upgrade it"
        raise SinkError("permanent", f"the ledger in schema {names.ledger!r} has layout {version}, and {known}")
    return int(version)


def migrate(cursor: Cursor, names: TableNames) -> list[str]:
    """Bring an older ledger to `LAYOUT`; returns a line for each step. The caller holds the lock of the schema."""
    version = current_layout(cursor, names)
    lines = []
    while version is not None and version < LAYOUT:
        for statement in _STEPS[version]:
            cursor.execute(names.sql(statement))
        version += 1
        lines.append(f"layout {version} of schema {names.ledger}")
    return lines


def record_layout(cursor: Cursor, names: TableNames) -> None:
    """Write `LAYOUT` into the table `layout`, unless it is there."""
    row = cursor.execute(names.sql(_READ)).fetchone()
    if row is None or row[0] != LAYOUT:
        cursor.execute(names.sql(_WRITE), (LAYOUT,))
