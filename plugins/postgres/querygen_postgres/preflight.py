"""Checks before the first write: tables, columns and privileges, and whether they allow a ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from querygen_core.api import SinkError
from querygen_postgres import privileges, schema
from querygen_postgres.failures import ReadOnlyError
from querygen_postgres.layout import LAYOUT, current_layout
from querygen_postgres.names import LEDGER, TableNames
from querygen_postgres.session import Cursor, Session

_LEDGER_PRIVILEGES = ("SELECT", "INSERT", "UPDATE")
_FAIL_OVER = 3.0  # seconds in which a server that takes no writes may become the primary
_PAUSE = 1.0  # seconds between two looks
_RUN_INIT = "have the owner of the database run `querygen db init CONFIG` once and grant access to what it creates"


class Preflight:
    """needs: the privileges that the component needs, by table. configured: the option `ledger`."""

    def __init__(
        self,
        session: Session,
        names: TableNames,
        needs: Mapping[str, Sequence[str]],
        configured: str,
        log: logging.Logger,
    ) -> None:
        self._session = session
        self._names = names
        self._needs = needs
        self._configured = configured
        self._log = log
        self._uses_ledger: bool | None = None

    @property
    def identity(self) -> str:
        return f"{self._session.address.location}/{self._names.schema}"

    def check(self) -> None:
        """Check tables, columns and privileges. Changes nothing, except that an embedded server gets its tables.

        Raises:
            SinkError: one of them is missing, or the database cannot be reached.
        """
        self._prepare_embedded()
        until = time.monotonic() + _FAIL_OVER
        while True:
            try:
                return self._session.read(self._check)
            except ReadOnlyError:
                if time.monotonic() >= until:
                    raise self._read_only() from None
            time.sleep(_PAUSE)

    def _read_only(self) -> SinkError:
        problem = "the server is read-only: it is a standby, or default_transaction_read_only is on"
        return SinkError("permanent", f"{self.identity}: {problem}; name the primary in the dsn, or all of them")

    def uses_ledger(self, *, may_create: bool = True) -> bool:
        """Whether there is a ledger, or one can be created now and `may_create` is true. Decided once.

        Raises:
            SinkError: `ledger: on`, and there can be none; or the one that is there cannot be used.
        """
        if self._uses_ledger is not None:
            return self._uses_ledger
        self._prepare_embedded()
        transaction = self._session.write if may_create else self._session.read
        uses_ledger: bool = transaction(lambda cursor: self._decide(cursor, may_create=may_create))
        self._uses_ledger = uses_ledger
        if not uses_ledger and may_create:
            limit = "rows that an outcome no longer has stay active, and so do rows of other jobs (previous_jobs: keep)"
            self._log.warning("%s: without a ledger: %s; for a ledger, %s", self.identity, limit, _RUN_INIT)
        return uses_ledger

    def ledger_within(self, cursor: Cursor) -> bool:
        """Whether a delivery would use a ledger. One that is missing is created in the cursor's transaction.

        False also for a ledger of an older version: to bring it up to date locks its tables.
        """
        is_there = self._configured != "off" and self._may_use_ledger(cursor)
        if is_there and current_layout(cursor, self._names) != LAYOUT:
            return False
        return self._decide(cursor, may_create=True)

    def sequence(self, cursor: Cursor) -> str:
        """The name of the sequence that supplies `query_id`."""
        table = f"{self._names.schema}.queries"
        sequence = privileges.sequence_of_ids(cursor, table)
        if sequence is None:
            raise SinkError("permanent", f"{self.identity}: {table}.query_id is neither serial nor an identity column")
        return sequence

    def _prepare_embedded(self) -> None:
        if self._session.address.is_embedded:
            self._session.write(lambda cursor: schema.create_missing(cursor, self._names))

    def _check(self, cursor: Cursor) -> None:
        if lines := schema.about_tables(tuple(self._needs), schema.missing(cursor, self._names)):
            raise SinkError("permanent", f"{self.identity}: missing: {', '.join(lines)}; run: querygen db init CONFIG")
        written = [table for table, names in self._needs.items() if "INSERT" in names]
        if lines := [line for table in written for line in schema.unfilled(cursor, self._names, table)]:
            problem = f"{', '.join(lines)} is NOT NULL without a default, and querygen does not fill it"
            raise SinkError("permanent", f"{self.identity}: {problem}; set a default")
        if missing := self._missing_privileges(cursor):
            problem = f"the role {privileges.role(cursor)!r} lacks {', '.join(missing)}"
            raise SinkError("auth", f"{self.identity}: {problem}; GRANT it")
        if "queries" in self._needs:
            self._decide(cursor, may_create=False)

    def _missing_privileges(self, cursor: Cursor) -> list[str]:
        needed = {f"{self._names.schema}.{table}": names for table, names in self._needs.items()}
        missing = privileges.missing(cursor, needed)
        if "queries" in self._needs and privileges.may_use_schema(cursor, self._names.schema):
            sequence = self.sequence(cursor)
            if not privileges.may_use_sequence(cursor, sequence):
                missing.append(f"USAGE on sequence {sequence}")
        return missing

    def _decide(self, cursor: Cursor, *, may_create: bool) -> bool:
        if self._configured == "off":
            return False
        if self._may_deactivate(cursor):
            if self._may_use_ledger(cursor):
                self._require_current(cursor, may_create=may_create)
                return True
            if privileges.may_create_schema(cursor):
                if may_create:
                    schema.create_missing(cursor, self._names, ledger_only=True)
                return may_create
        if self._configured == "on":
            raise self._no_ledger()
        return False

    def _may_deactivate(self, cursor: Cursor) -> bool:
        """A ledger is of use only to a role that may also change `is_active`."""
        queries = f"{self._names.schema}.queries"
        return "queries" not in self._needs or not privileges.missing(cursor, {queries: ("UPDATE",)})

    def _may_use_ledger(self, cursor: Cursor) -> bool:
        """There is a ledger, and it was granted to the role; parts that came later may still be missing."""
        delivery = f"{self._names.ledger}.delivery"
        return (
            privileges.may_use_schema(cursor, self._names.ledger)
            and schema.table_exists(cursor, delivery)
            and not privileges.missing(cursor, {delivery: _LEDGER_PRIVILEGES})
        )

    def _require_current(self, cursor: Cursor, *, may_create: bool) -> None:
        """Bring a ledger that an older version made up to date, if the role may.

        Raises:
            SinkError: it may not, or it lacks privileges, or the ledger was made by a newer version.
        """
        tables = [name for table in LEDGER if schema.table_exists(cursor, name := f"{self._names.ledger}.{table}")]
        needed = {table: _LEDGER_PRIVILEGES if not table.endswith(".layout") else ("SELECT",) for table in tables}
        if lacking := privileges.missing(cursor, needed):
            problem = f"the role {privileges.role(cursor)!r} lacks {', '.join(lacking)}"
            raise SinkError("auth", f"{self.identity}: {problem}; GRANT it, or set ledger: off")
        # The view is for readers only; the ledger works without it.
        missing = [line for line in schema.missing_ledger(cursor, self._names) if not line.startswith("view")]
        if missing and not privileges.may_alter(cursor, f"{self._names.ledger}.delivery"):
            problem = f"the ledger was made by an older version and lacks {', '.join(missing)}"
            raise SinkError("permanent", f"{self.identity}: {problem}; {_RUN_INIT}")
        if missing and may_create:
            schema.create_missing(cursor, self._names, ledger_only=True)

    def _no_ledger(self) -> SinkError:
        problem = f"ledger: on needs the schema {self._names.ledger!r}, which is not there or not granted to the role"
        return SinkError("permanent", f"{self.identity}: {problem}; {_RUN_INIT}, or set ledger: auto")
