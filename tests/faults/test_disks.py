"""Disks that are full, folders that must not be written: said before or as soon as it matters, and nothing is lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.process import Ended, end, environment
from tests.faults.shop import CONCURRENCY, Shop, balanced

NOBODY = 65534


def limited(shop: Shop, kilobytes: int) -> Ended:
    """A run whose files cannot grow beyond that: what a full disk looks like to a process."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    process = subprocess.Popen(
        [sys.executable, "-m", "querygen_core", "run", "shop.yaml", "--json", "--log-level", "warning"],
        cwd=shop.folder, env=environment({}, [shop.folder / "site"]), preexec_fn=limit, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    return end(process)


@pytest.mark.parametrize("kilobytes", [150, 400])
def test_a_full_disk_ends_the_run_at_once_and_more_room_completes_it(unbroken, shop, kilobytes: int):
    """150 kB: the write-ahead log cannot grow. 400 kB: somewhat later."""
    shop.latency_ms = 5
    shop.write()
    ended = limited(shop, kilobytes)
    paid = shop.paid
    assert ended.code == 75, ended
    assert "Traceback" not in ended.err
    assert "journal: the disk" in ended.err
    assert paid < unbroken.needed
    assert paid <= shop.count("SELECT count(*) FROM answers") + CONCURRENCY, "calls went on without a journal"
    again = shop.run()
    assert again.code == 0, again.err
    assert balanced(again.json)
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + CONCURRENCY


def test_no_room_for_a_journal_at_all_costs_nothing(shop):
    ended = limited(shop, 20)
    assert ended.code == 75, ended
    assert "Traceback" not in ended.err
    assert shop.paid == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may read, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_nobody(shop: Shop) -> Ended:
    """A run without the right to write everywhere, which root has whatever the permissions say."""
    others = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "querygen_core", "run", "shop.yaml", "--json", "--log-level", "warning"],
        cwd=shop.folder, env=environment({"HOME": "/nonexistent"}, [shop.folder / "site"]), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **others,
    )  # fmt: skip
    return end(process)


def _nobody_can_run_python() -> bool:
    try:
        subprocess.run([sys.executable, "-c", "import querygen_core.cli.main"], user=NOBODY, check=True, timeout=60,
                       capture_output=True)  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return os.geteuid() != 0
    return True


@pytest.mark.parametrize("what", ["state", "journal", "outputs"])
def test_what_must_not_be_written_is_said_before_anything_is_paid(open_folder: Path, what: str):
    if not _nobody_can_run_python():
        pytest.skip("Python is installed where only its owner can read it")
    shop = Shop(open_folder / "shop", products=3, latency_ms=0)
    state = shop.folder / ".querygen" / "shop"
    state.mkdir(parents=True)
    (shop.folder / "bill").touch()
    for path in [shop.folder, *shop.folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    if what == "journal":
        (state / "journal.sqlite").touch(mode=0o444)
        (state / "journal.sqlite").chmod(0o444)
    else:
        (state if what == "state" else shop.folder).chmod(0o555)
    ended = as_nobody(shop)
    assert ended.code == {"state": 78, "journal": 75, "outputs": 74}[what], ended
    assert "Traceback" not in ended.err
    assert {"state": "state_dir", "journal": "must not be written", "outputs": "out.json"}[what] in ended.err
    assert shop.paid == 0
