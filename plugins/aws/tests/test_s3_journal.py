"""The contract of journals, also on a disk that is lost after each run."""

from __future__ import annotations

from uuid import uuid4

import pytest

from plugins.aws.tests.conftest import new_bucket
from querygen_aws.journal.journal import S3Journal
from querygen_aws.journal_options import S3JournalOptions
from querygen_core.testing import JournalContract, context
from querygen_core.testing.journal.answers import Answers


class TestJournal(JournalContract):
    bucket: str
    prefix: str

    @pytest.fixture(autouse=True)
    def _take_bucket(self, aws, environment):
        self.bucket = new_bucket(aws)
        self.prefix = f"{uuid4()}/"

    def journal(self, folder):
        options = S3JournalOptions(bucket=self.bucket, prefix=self.prefix, lease_seconds=3)
        return S3Journal(options, context(folder))


class TestAnswersOnANewDisk(Answers):
    """What `JournalContract` says of answers, where each run finds an empty disk."""

    bucket: str

    @pytest.fixture(autouse=True)
    def _take_bucket(self, bucket):
        self.bucket = bucket

    def journal(self, folder):
        options = S3JournalOptions(bucket=self.bucket, lease_seconds=3)
        return S3Journal(options, context(folder / f"{uuid4()}"))

    def test_calls_without_an_answer_are_counted(self):
        """Their intents were on the disk that is gone, so nobody knows."""

        async def work(journal):
            await journal.intend("a" * 64, 0)
            assert (await journal.spent()).indeterminate == 1

        self.run(work)
        assert self.run(lambda journal: journal.spent()).indeterminate is None
