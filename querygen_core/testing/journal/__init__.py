from __future__ import annotations

from querygen_core.testing.journal.answers import Answers
from querygen_core.testing.journal.manifest import Manifest
from querygen_core.testing.journal.outcomes import Outcomes
from querygen_core.testing.journal.runs import Runs


class JournalContract(Answers, Manifest, Outcomes, Runs):
    """Checks that what a journal acknowledged survives any kill, and that its counts add up.

    class TestJournal(JournalContract):
        def journal(self, folder):
            return SqliteJournal(context(folder))
    """
