"""The journal on local disk keeps the contract of journals."""

from __future__ import annotations

from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context
from querygen_core.testing.journal import JournalContract


class TestSqlite(JournalContract):
    def journal(self, folder):
        return SqliteJournal(context(folder))
