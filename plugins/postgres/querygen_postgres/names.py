"""Names of tables, quoted into statements."""

from __future__ import annotations

from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier

TABLES = ("products", "queries", "jobselectedproducts")
LEDGER = ("delivery", "product")


class Names:
    """schema: of the deployment's tables. ledger: of querygen's own, one for each schema that is written to."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.ledger = "querygen" if schema == "public" else f"querygen_{schema}"
        self._known = {
            "schema": Identifier(self.schema),
            "ledger": Identifier(self.ledger),
            **{name: Identifier(self.schema, name) for name in TABLES},
            **{name: Identifier(self.ledger, name) for name in LEDGER},
        }

    def sql(self, template: LiteralString) -> Composed:
        """`template` with `{queries}`, `{delivery}`, … filled in."""
        return SQL(template).format(**self._known)
