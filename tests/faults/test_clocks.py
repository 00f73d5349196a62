"""F47: a wall clock that jumps by hours changes nothing: no pause is negative or endless, nothing is paid twice."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.faults.preloaded import compile_to
from tests.faults.shop import balanced

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compile_to(tmp_path_factory.mktemp("clock"), "clock")
    if library is None:
        pytest.skip("there is no C compiler here")
    return library


def test_a_clock_that_jumps_by_hours_disturbs_nothing(unbroken, shop, library: Path):
    shop.runtime = {"rpm": 6_000, "max_cost_per_day": 5, "retry_for": 60}
    shop.write()
    environ = {"LD_PRELOAD": str(library), "CLOCK_JUMP": "3600", "CLOCK_EVERY_MS": "40"}
    ended = shop.run(**environ)
    assert ended.code == 0, ended.err
    assert balanced(ended.json)
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed
    stages = ended.json["stages"].values()
    assert all(stage["seconds"] >= 0 for stage in stages)
    begun, over = (datetime.fromisoformat(ended.json[name]) for name in ("started", "finished"))
    assert begun <= over, "what a run took is measured by the clock that does not jump"
    again = shop.run(**environ)
    assert (again.code, again.json["calls"]["new"]) == (0, 0), again.err
    (job,) = json.loads(shop.command("jobs", "--json", **environ).out)
    assert job["age"] >= 0
