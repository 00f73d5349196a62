"""The orchestration log is an observer, told one event at a time and several together."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from aws_tables import make_table, raw
from querygen_aws import build_orchestration_log
from querygen_aws.options import OrchestrationLogOptions
from querygen_core.testing import ObserverContract, context


class TestLog(ObserverContract):
    jobs: ClassVar = ("test-job", "job")

    @pytest.fixture(autouse=True)
    def _make_table(self, aws, environment):
        self.aws = aws
        self.table = make_table(aws)

    def observer(self, folder: Path):
        return build_orchestration_log(OrchestrationLogOptions(table=self.table), context(folder))

    def recorded(self):
        keys = [item["sk"]["S"] for job in self.jobs for item in raw(self.aws, self.table, job)]
        return [int(key.rpartition("#")[2].split("-")[2]) for key in keys]


class TestTogether(TestLog):
    def send_events(self, events):
        observer, told = self.observer(self.folder), 0
        while told < len(events):
            told += observer.on_events(events[told:])
