from __future__ import annotations

from querygen_core.testing.journal.answers import Answers
from querygen_core.testing.journal.manifest import Manifest
from querygen_core.testing.journal.outcomes import Outcomes
from querygen_core.testing.journal.runs import Runs


class JournalContract(Answers, Manifest, Outcomes, Runs):
    """What a journal has acknowledged is there after any kill; what it counts adds up.

    class TestJournal(JournalContract):
        def journal(self, folder):
            return SqliteJournal(context(folder))
    """
