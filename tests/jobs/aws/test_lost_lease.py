"""A process is stopped for longer than its lease, and continued when another one has done the job with a new prompt.

QUERYGEN_LEASE_ROUNDS: how often, at every step; without it once, at the steps that change something.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aws_s3_place import Place, of_document
from faults_world import prepare
from tests.cli.process import end, wait_for
from tests.faults.shop import Shop

pytestmark = pytest.mark.slow

PROMPTS = Path(__file__).parents[3] / "prompts"
ROUNDS = int(os.environ.get("QUERYGEN_LEASE_ROUNDS", "1"))
STEPS = {
    "before a call": "",
    "as it begins the file": r"open .*/out\.json\.\d+\.partial",
    "as it replaces the file": r"os\.rename .*/out\.json\.\d+\.partial",
    "as it reads the object": r"http\.client\.send GET /[^/]+/query/shop\.json",
    "as it replaces the object": r"http\.client\.send PUT /[^/]+/query/shop\.json",
}

ALL = "QUERYGEN_LEASE_ROUNDS" in os.environ
MARKS = {
    "before its mark beside the file": r"open .*/out\.json\.\d+\.fence",
    "before its mark in the bucket": r"http\.client\.send PUT /[^/]+/query/shop/fences/",
    "as it lists what is short": r"http\.client\.send PUT /[^/]+/errors/shop/",
}

ROW_STEPS = {
    "before a transaction": r"call querygen_postgres\.sink\._write$",
    "in a transaction": r"call querygen_postgres\.ledger\.write$",
}
LAST = ("before a call", "as it replaces the file", "as it replaces the object")
KILLED = (
    "as it replaces the file",
    "as it reads the object",
    "before its mark in the bucket",
    "as it lists what is short",
)
TABLES = ("products", "queries", "jobselectedproducts")


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path / "place", "shop", "shop")


def two_machines(bucket: str, folder: Path, sinks: Sequence[Mapping[str, Any]]) -> tuple[Shop, Shop]:
    """Each with a disk of its own. The second has prompts of its own, and a lease that a busy machine does not lose."""
    first, second = (
        Shop(
            folder / name,
            products=6,
            changes={"journal": {"url": f"s3://{bucket}/journal/", "lease": lease}, "sinks": sinks},
        )
        for name, lease in (("first", 3), ("second", 8))
    )
    shutil.copy(Path(__file__).with_name("stopping.py"), first.folder / "site" / "sitecustomize.py")
    shutil.copytree(PROMPTS, second.folder / "prompts")
    return first, second


@pytest.fixture
def machines(bucket, tmp_path) -> tuple[Shop, Shop]:
    """With a bucket, and a folder that both share."""
    shared = tmp_path / "shared"
    shared.mkdir()
    file = {"use": "files/json", "path": str(shared / "out.json")}
    return two_machines(bucket, tmp_path, [file, {"use": "aws/s3", "bucket": bucket}])


def new_words(shop: Shop, words: str) -> None:
    prompt = shop.folder / "prompts" / "market.j2"
    text = (PROMPTS / "market.j2").read_text("utf-8")
    system = "{% block system %}"
    assert system in text
    prompt.write_text(text.replace(system, f"{system}{words} ", 1), "utf-8")


def outputs(shop: Shop, place: Place) -> Mapping[str, Any]:
    """Contents, and the file's inode and time of change."""
    file = shop.folder.parent / "shared" / "out.json"
    status = file.stat()
    return {
        **place.objects("query/shop.json"),
        **place.objects("errors/"),
        **place.objects("query/backup_"),
        "file": (file.read_bytes(), status.st_ino, status.st_mtime_ns),
    }


def stopped(shop: Shop, step: str) -> subprocess.Popen[str]:
    """The process, at the step; or as soon as some calls are paid."""
    process = shop.start(QUERYGEN_STOP_AT=step or "(?!)")
    if not step:
        assert wait_for(process, lambda: shop.paid >= 4)
        process.send_signal(signal.SIGSTOP)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), end(process)
    return process


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("step", [STEPS[name] for name in (STEPS if ALL else LAST)], ids=STEPS if ALL else LAST)
def test_it_changes_no_file_and_no_object(machines, place, step, round_):
    overtake(*machines, step, round_, lambda: outputs(machines[1], place))


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("step", ROW_STEPS.values(), ids=ROW_STEPS)
def test_it_changes_no_row(bucket, database, tmp_path, step, round_):
    prepare(database, tmp_path)
    sink = {"use": "postgres/queries", "name": "db", "dsn": database.dsn}
    machines = two_machines(bucket, tmp_path, [sink])
    overtake(
        *machines, step, round_, lambda: [database.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES]
    )


def overtake(first: Shop, second: Shop, step: str, round_: int, held: Callable[[], object]) -> None:
    """held: what readers see of all that the job has delivered."""
    new_words(second, "Good morning.")
    assert second.run().code == 0
    process = stopped(first, step)
    try:
        new_words(second, f"Good evening, number {round_}.")
        ended = second.run()
        assert ended.code == 0, ended.err
        after = held()
    finally:
        process.send_signal(signal.SIGCONT)
    late = end(process)
    assert late.code == 75, late.err
    assert late.json["stopped_by"] == "held"
    assert "Traceback" not in late.err
    assert held() == after
    kept = second.command("report", "shop.yaml", "--json")
    assert kept.json["exit_code"] == 0, "its report must not take the place of its successor's"
    again = second.run()
    assert (again.code, again.json["calls"]["new"]) == (0, 0), again.err
    assert held() == after


@pytest.mark.parametrize("name", [*(STEPS | MARKS)][1:] if ALL else KILLED)
def test_killed_in_such_a_step_it_is_completed_by_another_machine(machines, place, name):
    step = (STEPS | MARKS)[name]
    first, second = machines
    for shop in machines:  # with a filter that leaves too few
        shop.changes = {**shop.changes, "postprocessors": [{"use": "text/quality", "max_words": 8}]}
        shop.write()
    killed = end(first.start(QUERYGEN_STOP_AT=step, QUERYGEN_STOP_BY="SIGKILL"))
    assert killed.code == -signal.SIGKILL, killed.err
    ended = second.run()
    assert ended.code == 0, ended.err
    document = place.document()
    file = json.loads((second.folder.parent / "shared" / "out.json").read_text("utf-8"))
    assert of_document(document).total() == ended.json["queries"]["kept"] > 0
    assert file["products"] == document["products"]
    assert len(place.objects("errors/shop/")["errors/shop/short.jsonl"].splitlines()) == ended.json["short"] > 0
    assert len(place.names("query/shop/fences/")) == 1
    names = sorted(path.name for path in (second.folder.parent / "shared").iterdir())
    assert [re.sub(r"\d+", "N", name) for name in names] == ["out.json", "out.json.N.fence"]
