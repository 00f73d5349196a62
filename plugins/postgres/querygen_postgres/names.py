"""The names of all tables, quoted for use in statements."""

from __future__ import annotations

from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier

TABLES = ("products", "queries", "jobselectedproducts")
LEDGER = ("delivery", "product", "product_lock", "fence", "layout")


class TableNames:
    """schema: the schema of the deployment's tables. Each such schema has a ledger schema of its own beside it."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.ledger = "querygen" if schema == "public" else f"querygen_{schema}"
        self._identifiers = {
            "schema": Identifier(self.schema),
            "ledger": Identifier(self.ledger),
            **{name: Identifier(self.schema, name) for name in TABLES},
            **{name: Identifier(self.ledger, name) for name in LEDGER},
        }

    def sql(self, template: LiteralString) -> Composed:
        """Fill in `{queries}`, `{delivery}`, `{schema}`, `{ledger}`, …."""
        return SQL(template).format(**self._identifiers)
