"""Disks that are full, folders that must not be written: said before or as soon as it matters, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import Ended, end, environment
from tests.faults.shop import CONCURRENCY, Shop, balanced

pytestmark = pytest.mark.slow

NO_ROOM = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({0} * 1024, {0} * 1024))
"""
NO_POWER = """
import ctypes, os
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
if os.geteuid() == 0:
    for power in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, power, 0, 0, 0) == 0
"""
"""Root may write everywhere, whatever the permissions say; without these two powers it may not."""

_THEN = "import os, sys\nos.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


def command(preparation: str, *words: str) -> list[str]:
    """Python with these words, in a process that was prepared."""
    return [sys.executable, "-c", f"{preparation}\n{_THEN}", *words]


def run_after(preparation: str, shop: Shop) -> Ended:
    words = ("-m", "querygen_core", "run", "shop.yaml", "--json", "--log-level", "warning")
    process = subprocess.Popen(
        command(preparation, *words),
        cwd=shop.folder,
        env=environment({}, [shop.folder / "site"]),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return end(process)


@pytest.mark.parametrize("kilobytes", [150, 400])
def test_a_full_disk_ends_the_run_at_once_and_more_room_completes_it(unbroken, shop, kilobytes: int):
    """150 kB: the write-ahead log cannot grow. 400 kB: somewhat later."""
    shop.latency_ms = 5
    shop.write()
    ended = run_after(NO_ROOM.format(kilobytes), shop)
    paid = shop.paid
    assert ended.code == 75, ended
    assert "Traceback" not in ended.err
    assert ".sqlite: the disk" in ended.err
    assert paid < unbroken.needed
    assert paid <= shop.count("SELECT count(*) FROM answers", "answers.sqlite") + CONCURRENCY, (
        "calls went on without a journal"
    )
    again = shop.run()
    assert again.code == 0, again.err
    assert balanced(again.json)
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + CONCURRENCY


def test_no_room_for_a_journal_at_all_costs_nothing(shop):
    ended = run_after(NO_ROOM.format(20), shop)
    assert ended.code == 75, ended
    assert "Traceback" not in ended.err
    assert shop.paid == 0


@pytest.mark.parametrize("what", ["state", "journal", "lock", "outputs"])
def test_what_must_not_be_written_is_said_before_anything_is_paid(shop, what: str):
    shop.products = 3
    shop.write()
    state = shop.folder / ".querygen" / "shop"
    state.mkdir(parents=True)
    (shop.folder / "bill").touch()
    closed = {
        "state": state,
        "journal": state / "journal.sqlite",
        "lock": state / "lock-0-of-1",
        "outputs": shop.folder,
    }[what]
    if what in ("journal", "lock"):
        closed.touch()
    closed.chmod(0o555)
    if not _is_closed(closed):
        pytest.skip("this system lets its root write everywhere")
    ended = run_after(NO_POWER, shop)
    assert ended.code == {"state": 78, "journal": 72, "lock": 72, "outputs": 74}[what], ended
    assert "Traceback" not in ended.err
    says = {
        "state": "state_dir",
        "journal": "is not writable",
        "lock": "lock-0-of-1 cannot be written: Permission denied",
        "outputs": "cannot write out.json",
    }
    assert says[what] in ended.err
    assert shop.paid == 0


def _is_closed(path: Path) -> bool:
    look = f"import os; raise SystemExit(os.access({str(path)!r}, os.W_OK))"
    return subprocess.run(command(NO_POWER, "-c", look), capture_output=True, check=False).returncode == 0
