"""Too little memory: the run ends with a message, whichever part of it asked in vain, and the next one goes on."""

from __future__ import annotations

import pytest

from tests.faults.shop import CONCURRENCY, Shop
from tests.faults.test_disks import run_after

pytestmark = pytest.mark.slow

MEGABYTES = """
import resource
resource.setrlimit(resource.RLIMIT_AS, ({0} << 20, {0} << 20))
"""
DEAD_THREAD = """
import threading
begin = threading.Thread._bootstrap
def _bootstrap(self):
    if self.name.startswith("input"):
        raise MemoryError
    begin(self)
threading.Thread._bootstrap = _bootstrap
"""
"""As without memory for its stack: whoever starts it waits for ever, here the event loop."""
LOST_RESULT = """
from asyncio import events
from itertools import count
run, numbers = events.Handle._run, count()
def _run(self):
    if getattr(self._callback, "__qualname__", "").startswith("call_in_loop") and next(numbers) == 40:
        def fail():
            raise MemoryError
        self._callback = fail
    run(self)
events.Handle._run = _run
"""
"""As without memory for a wake-up: whoever awaits the result, here that of the journal, waits for ever."""


def goes_on(shop: Shop, unbroken) -> None:
    """A run with enough memory completes the job."""
    again = shop.run()
    assert again.code == 0, again.err
    assert shop.outputs() == unbroken.outputs
    # An answer that comes when there is no memory for it is lost, and the next one may be too before the run ends.
    assert shop.paid <= unbroken.needed + 2 * CONCURRENCY


@pytest.mark.parametrize("megabytes", [70, 110, 130])
def test_without_enough_memory_a_run_ends_and_the_next_one_goes_on(unbroken, shop, megabytes: int):
    """Where the memory ends differs by system: it may be enough, or end anywhere from the first import on."""
    shop.latency_ms = 5
    shop.write()
    ended = run_after(MEGABYTES.format(megabytes), shop)  # which fails if it hangs
    assert ended.code in (0, 65, 69, 70, 74, 75, 78), ended
    assert "Traceback" not in ended.err
    assert (ended.code == 0) == (ended.err == ""), ended
    assert "a bug in querygen: MemoryError" not in ended.err
    goes_on(shop, unbroken)


@pytest.mark.parametrize("broken", [DEAD_THREAD, LOST_RESULT], ids=["thread", "result"])
def test_a_run_of_which_a_part_hangs_for_lack_of_memory_ends(unbroken, shop, broken: str):
    shop.runtime = {"drain": 9}
    shop.write()
    sitecustomize = shop.folder / "site" / "sitecustomize.py"
    sitecustomize.write_text(broken)
    ended = run_after("", shop)
    assert ended.code == 75, ended
    assert "Traceback" not in ended.err
    assert "out of memory" in ended.err
    sitecustomize.unlink()
    goes_on(shop, unbroken)
