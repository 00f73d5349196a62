"""A database as a part sees it: what is there, what the role may do, and which mode follows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

from querygen_core.api import SinkError
from querygen_postgres import rights, schema
from querygen_postgres.names import LEDGER, Names
from querygen_postgres.session import Cursor, Session

Mode = Literal["A", "B"]

_LEDGER_RIGHTS = ("SELECT", "INSERT", "UPDATE")
_ONCE = "have the owner of the database run `querygen db init CONFIG` once, and GRANT what it makes"


class Ground:
    """needs: privileges by table of the part that asks. wanted: the mode it was told to use, or `auto`."""

    def __init__(
        self, session: Session, names: Names, needs: Mapping[str, Sequence[str]], wanted: str, log: logging.Logger
    ) -> None:
        self._session = session
        self._names = names
        self._needs = needs
        self._wanted = wanted
        self._log = log
        self._mode: Mode | None = None

    @property
    def identity(self) -> str:
        return f"{self._session.address.place}/{self._names.schema}"

    def look(self) -> None:
        """Make sure that working here will work. Changes nothing, but for a server of our own, which is set up.

        Raises:
            SinkError: a table, a column or a privilege is missing; or the database cannot be reached.
        """
        self._set_up()
        self._session.read(self._look)

    def mode(self, *, makes: bool = True) -> Mode:
        """A where there is a ledger, or `makes` and it may be made now; else B."""
        if self._mode is not None:
            return self._mode
        self._set_up()
        settle = self._session.write if makes else self._session.read
        mode: Mode = settle(lambda cursor: self._settle(cursor, makes=makes))
        self._mode = mode
        if mode == "B" and makes:
            cannot = "without a ledger: rows that an outcome no longer has cannot be retired"
            self._log.warning("%s: mode B, %s; for mode A %s", self.identity, cannot, _ONCE)
        return mode

    def sequence(self) -> str:
        """The sequence behind `query_id`."""
        return self._session.read(self._sequence)

    def _set_up(self) -> None:
        if self._session.address.is_embedded:
            self._session.write(lambda cursor: schema.make(cursor, self._names))

    def _look(self, cursor: Cursor) -> None:
        if lines := schema.only(tuple(self._needs), schema.missing(cursor, self._names)):
            raise SinkError("permanent", f"{self.identity}: missing: {', '.join(lines)}; run: querygen db init CONFIG")
        written = [table for table, privileges in self._needs.items() if "INSERT" in privileges]
        if lines := [line for table in written for line in schema.unfilled(cursor, self._names, table)]:
            lacks = f"{', '.join(lines)} must have a value and has no default, and querygen gives it none"
            raise SinkError("permanent", f"{self.identity}: {lacks}; set a default")
        wanted = {f"{self._names.schema}.{table}": privileges for table, privileges in self._needs.items()}
        denied = rights.denied(cursor, wanted)
        if "queries" in self._needs and rights.may_use(cursor, self._names.schema):
            sequence = self._sequence(cursor)
            denied += [] if rights.may_draw_from(cursor, sequence) else [f"USAGE on sequence {sequence}"]
        if denied:
            lacks = f"the role {rights.role(cursor)!r} lacks {', '.join(denied)}"
            raise SinkError("auth", f"{self.identity}: {lacks}; GRANT it")
        if self._wanted == "A" and not self._has_ledger(cursor) and not self._may_make_ledger(cursor):
            raise self._no_ledger()

    def _settle(self, cursor: Cursor, *, makes: bool) -> Mode:
        if self._wanted == "B":
            return "B"
        if self._has_ledger(cursor):
            return "A"
        if makes and self._may_make_ledger(cursor):
            schema.make(cursor, self._names, ledger_only=True)
            return "A"
        if self._wanted == "A":
            raise self._no_ledger()
        return "B"

    def _has_ledger(self, cursor: Cursor) -> bool:
        if not rights.may_use(cursor, self._names.ledger):
            return False
        missing = [line for line in schema.missing_ledger(cursor, self._names) if not line.startswith("view")]
        wanted = {f"{self._names.ledger}.{table}": _LEDGER_RIGHTS for table in LEDGER}
        return not missing and not rights.denied(cursor, wanted) and self._may_retire(cursor)

    def _may_make_ledger(self, cursor: Cursor) -> bool:
        return rights.may_create_schema(cursor) and self._may_retire(cursor)

    def _may_retire(self, cursor: Cursor) -> bool:
        return "queries" not in self._needs or not rights.denied(cursor, {f"{self._names.schema}.queries": ("UPDATE",)})

    def _no_ledger(self) -> SinkError:
        missing = f"mode A needs the schema {self._names.ledger!r}, which is not there or not granted"
        return SinkError("permanent", f"{self.identity}: {missing}; {_ONCE}, or set mode: auto")

    def _sequence(self, cursor: Cursor) -> str:
        table = f"{self._names.schema}.queries"
        if (found := rights.sequence_of_ids(cursor, table)) is None:
            raise SinkError("permanent", f"{self.identity}: {table}.query_id is neither serial nor an identity column")
        return found
