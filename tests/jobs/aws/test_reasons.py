"""Why a product was rejected, failed or was refused outlives the machine: a Batch child of configs/prod.yaml."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

import gemini_server
from aws_tables import items
from gemini_fixtures import KEY
from tests.faults.shop import balanced, records
from tests.jobs.aws.production import CONFIG, Production

pytestmark = pytest.mark.slow

CONSTRAINT = "no_grinders"
JOB = "errors/autumn%2F2026"
LOST, BAD = records(10)[3]["title"], '{"id": "no-title"}'


@pytest.fixture
def model() -> Iterator[gemini_server.Gemini]:
    with gemini_server.running(answers="offline", keys=(KEY,), latency="5ms") as server:
        yield server


@pytest.fixture
def production(aws, database, model, tmp_path) -> Production:
    """One record has no title, one product gets no usable answer, and the table refuses another."""
    catalogue = tmp_path / "catalogue.jsonl"
    catalogue.write_text("".join(f"{line}\n" for line in (*map(json.dumps, records(10)), BAD)))
    job = Production(tmp_path, aws, database, model, catalogue=catalogue)
    ended = job.command("db", "init", str(CONFIG))
    assert ended.code == 0, ended.err
    database.rows(f"ALTER TABLE queries ADD CONSTRAINT {CONSTRAINT} CHECK (query_text !~* 'grinder')")
    model.set_faults(script=[{"fault": "no_text", "contains": LOST}])
    return job


def lines(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


def test_the_reason_is_in_log_table_bucket_and_store_and_an_empty_disk_can_retry(production):
    ended = production.run()
    assert (ended.code, ended.json["stopped_by"]) == (74, "sink"), ended.err
    assert balanced(ended.json)
    shutil.rmtree(production.folder / "disk")
    # The log of the machine.
    warnings = [line for line in ended.err.splitlines() if " WARNING " in line]
    assert any(f"refused by sink postgres/queries (constraint {CONSTRAINT})" in line for line in warnings)
    assert any("catalogue.jsonl:11: " in line and "(no_title)" in line for line in warnings)
    assert any(" failed in core/prompt (" in line for line in warnings)
    (error,) = [line for line in ended.err.splitlines() if " ERROR " in line]
    assert CONSTRAINT in error
    assert error.endswith("[stopped_by=sink exit_code=74]")
    # The table of events.
    told = {item["eventName"]: item["details"] for item in items(production.aws, production.table, production.job_id)}
    assert told["ProductRefused"]["constraint"] == CONSTRAINT
    assert (told["ProductRejected"]["reason"], told["ProductRejected"]["line"]) == ("no_title", 11)
    assert told["ProductFailed"]["component"] == "core/prompt"
    # The bucket.
    objects = production.objects()
    (refused,) = lines(objects[f"{JOB}/refused.jsonl"])
    assert (refused["constraint"], refused["sink"], refused["line"]) == (CONSTRAINT, "postgres/queries", 9)
    assert [letter["line"] for letter in lines(objects[f"{JOB}/rejected.jsonl"])] == [11]
    (failed,) = lines(objects[f"{JOB}/failed.jsonl"])
    assert failed["model"] in ("product", "market")
    run = json.loads(objects["query/autumn%2F2026.run.json"])
    assert (run["exit_code"], run["started"], run["stages"]) == (74, ended.json["started"], ended.json["stages"])
    # The store.
    kept = gzip.decompress(objects["journal/jobs/autumn%2F2026/dead_letters/0-of-1.jsonl.gz"])
    assert {letter["constraint"] for letter in lines(kept)} == {"", CONSTRAINT}
    # Another machine, with an empty disk.
    report = production.command("report", str(CONFIG), "--job-id", production.job_id, machine="reporting")
    assert "journal/jobs/autumn%2F2026/dead_letters/" in report.out, report.err
    production.database.rows(f"ALTER TABLE queries DROP CONSTRAINT {CONSTRAINT}")
    production.model.set_faults(script=[])
    healed = production.command("retry", str(CONFIG), "--job-id", production.job_id, "--json", machine="retrying")
    assert healed.code == 0, healed.err
    assert (healed.json["failed"], healed.json["rejected"], healed.json["done"] + healed.json["short"]) == (0, 1, 10)
    assert healed.json["calls"]["new"] > 0
    assert sum(production.rows().values()) == healed.json["queries"]["kept"]
    objects = production.objects()
    assert objects[f"{JOB}/refused.jsonl"] == objects[f"{JOB}/failed.jsonl"] == b""
    assert len(lines(objects[f"{JOB}/rejected.jsonl"])) == 1


def test_children_of_an_array_leave_each_others_reasons_and_a_run_of_another_size_cleans_up(production):
    children = [production.run(machine=f"child {index}", shard=(index, 2)) for index in range(2)]
    assert 74 in {child.code for child in children}, [child.err for child in children]
    objects = production.objects()
    names = {key.removeprefix(f"{JOB}/") for key in objects if key.startswith(JOB)}
    assert {"refused-0-of-2.jsonl", "refused-1-of-2.jsonl"} & names
    assert {f"query/autumn%2F2026.run-{index}-of-2.json" for index in range(2)} <= objects.keys()
    letters = [
        letter for key, body in objects.items() if key.startswith(JOB) and "short" not in key for letter in lines(body)
    ]
    assert {letter["constraint"] for letter in letters} == {"", CONSTRAINT}
    assert len(letters) == 3
    production.database.rows(f"ALTER TABLE queries DROP CONSTRAINT {CONSTRAINT}")
    whole = production.run(machine="alone")
    assert whole.code == 0, whole.err
    left = {key.removeprefix(f"{JOB}/") for key in production.objects() if key.startswith(JOB) and "short" not in key}
    assert left == {"rejected.jsonl", "failed.jsonl"}
    assert not [key for key in production.objects("query/") if ".run-" in key]
