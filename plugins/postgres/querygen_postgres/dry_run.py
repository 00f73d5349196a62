"""The check that writes: an invented product, in a transaction that is rolled back, says what only a write can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg

from querygen_core.api import Context, SinkError
from querygen_postgres.failures import describe
from querygen_postgres.invented import Invented, invent
from querygen_postgres.names import TableNames
from querygen_postgres.refusals import advice_on, is_about_content, kind_of_refusal
from querygen_postgres.rows import AlteredRows
from querygen_postgres.session import Cursor, Session

Work = Callable[[Cursor, Invented], None]

_TYPE_OF_DATA = """
SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'product_data'
"""
# Row-level security of a role that it does not apply to (the owner, or one with BYPASSRLS) does not count.
_SECURED = "SELECT name FROM unnest(%s::text[]) AS t(name) WHERE row_security_active(to_regclass(name)::oid) ORDER BY 1"
_DONE = "an invented product was written and taken back as a check; sequences skip the ids that it took"
_ODD = "an invented product, written as a check, was refused"
_BYPASS = "use a role with BYPASSRLS, or the owner of the table, if row-level security is not FORCEd on it"


class Refused(Exception):
    """What was written is not there, or not as it was written; the text says which."""


class DryRun:
    """tables: those that `work` may use and that exist. copied: the one that is written with COPY, if any."""

    def __init__(
        self, session: Session, names: TableNames, context: Context, tables: Sequence[str], copied: str | None = None
    ) -> None:
        self._session = session
        self._context = context
        self._products = f"{names.schema}.products"
        self._tables = [f"{names.schema}.{table}" for table in tables]
        self._copied = f"{names.schema}.{copied}" if copied else None
        self._identity = f"{session.address.location}/{names.schema}"
        self._secured: list[str] = []

    def try_out(self, work: Work | None) -> None:
        """Run `work`. Nothing that it writes stays; ids that it took from sequences are not given out again.

        Without `work`, only what need not be written is checked. Trouble that may pass (a lock, a slow or full server)
        is a warning: the deliveries that follow wait for its end.

        Raises:
            SinkError: a delivery would fail; the message says why and what to do.
        """
        try:
            self._session.dry_run(lambda cursor: self._work(cursor, work))
        except (psycopg.Error, UnicodeError, AlteredRows, Refused) as error:
            self._judge(error)
        else:
            if work is not None:
                self._context.log.info("%s: %s", self._identity, _DONE)
            if self._secured:
                secured = " and ".join(self._secured)
                problem = f"row-level security is active on {secured}: rows that its policies hide look missing"
                self._context.log.warning("%s: %s; %s", self._identity, problem, _BYPASS)

    def _work(self, cursor: Cursor, work: Work | None) -> None:
        encoding = self._encoding(cursor)
        self._require_jsonb(cursor)
        self._secured = [name for (name,) in cursor.execute(_SECURED, (self._tables,))]
        if self._copied in self._secured:
            problem = f"row-level security is active on {self._copied}, which is written with COPY"
            raise SinkError("permanent", f"{self._identity}: {problem}; {_BYPASS}")
        if work is not None:
            work(cursor, invent(self._context.query_types, only_ascii=encoding != "UTF8"))

    def _encoding(self, cursor: Cursor) -> str:
        encoding = cursor.connection.info.parameter_status("server_encoding") or ""
        if encoding == "SQL_ASCII":
            problem = "the database has the encoding SQL_ASCII, so that it stores bytes and knows no characters"
            advice = "restore it into a database that was made with createdb --encoding UTF8 --template template0"
            raise SinkError("permanent", f"{self._identity}: {problem}; {advice}")
        if encoding != "UTF8":
            problem = f"the database has the encoding {encoding}: products with characters that it lacks are rejected"
            self._context.log.warning("%s: %s; only UTF8 has all", self._identity, problem)
        return encoding

    def _require_jsonb(self, cursor: Cursor) -> None:
        row = cursor.execute(_TYPE_OF_DATA, (self._products,)).fetchone()
        if row is not None and row[0] != "jsonb":
            problem = f"column {self._products}.product_data has the type {row[0]}, not jsonb"
            advice = f"ALTER TABLE {self._products} ALTER product_data TYPE jsonb USING product_data::jsonb"
            raise SinkError("permanent", f"{self._identity}: {problem}; {advice}")

    def _judge(self, error: psycopg.Error | UnicodeError | AlteredRows | Refused) -> None:
        start = f"{self._identity}: {_ODD}"
        if not isinstance(error, psycopg.Error):
            raise SinkError("permanent", f"{start}: {error}{self._because()}") from None
        kind = kind_of_refusal(error)
        if kind == "retry":
            self._context.log.warning("%s: the check could not write: %s", self._identity, describe(error))
            return
        if self._copied is None and is_about_content(error, self._products):
            # Whatever is wrong with a real product is found before anything is paid for it.
            problem = f"{describe(error)}; {advice_on(error)}, if real products are refused too"
            self._context.log.warning("%s: %s: %s", self._identity, _ODD, problem)
            return
        is_hidden = error.sqlstate == "42501" and self._secured
        because = self._because() if is_hidden else f"; {advice_on(error)}"
        raise SinkError("permanent" if is_hidden else kind, f"{start}: {describe(error)}{because}") from None

    def _because(self) -> str:
        return f"; row-level security is active on {' and '.join(self._secured)}: {_BYPASS}" if self._secured else ""
