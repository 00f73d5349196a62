"""The contract of sinks notices one that does harm to what was delivered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.testing import test_sink as sinks
from tests.testing.verdict import catches


class Forgetting(sinks.Whole):
    async def apply(self, outcomes):
        return await super().apply([replace(item, state="done") for item in outcomes])


def test_a_snapshot_that_loses_what_has_no_outcome_is_caught(tmp_path):
    contract = type("Wrong", (sinks.TestWhole,), {"kind": Forgetting})
    assert catches(contract, "test_a_snapshot_keeps_what_it_has_of_products_without_an_outcome", tmp_path)


class Careless(sinks.Drawer):
    """Says that it takes samples, and treats them as all others."""

    takes_samples = True


@pytest.mark.parametrize(
    "check",
    [
        "test_a_sample_changes_nothing_that_was_delivered",
        "test_of_a_sample_rows_are_added_only_of_products_and_types_without_any",
    ],
)
def test_a_sample_that_does_harm_is_caught(tmp_path, check):
    wrong = type("Wrong", (sinks.TestDrawer,), {"sink_of_sample": lambda _, folder: Careless(folder)})
    assert catches(wrong, check, tmp_path)
