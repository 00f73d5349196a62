"""configs/prod.yaml on this machine: S3, Secrets Manager, DynamoDB, PostgreSQL and Gemini over sockets.

QUERYGEN_PRODUCTS=1600: a large job. QUERYGEN_CATALOGUES: a real catalogue, the first of these, instead.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import gemini_server
from aws_server.emulators import CREDENTIALS
from aws_server.proxy import Fail, LoseAnswer, Unprocessed
from aws_tables import items
from gemini_fixtures import KEY
from tests.cli.process import LIMIT, end, wait_for
from tests.faults.shop import balanced, interrupt
from tests.jobs.aws.production import CONCURRENCY, CONFIG, PARTS, PASSWORD, Production, queries_of
from tests.jobs.gemini.jobs import CATALOGUES, paid
from tests.jobs.traces import places

pytestmark = pytest.mark.slow

PRODUCTS = int(os.environ.get("QUERYGEN_PRODUCTS", "10"))
CATALOGUE = Path(CATALOGUES[0]) if CATALOGUES else None
SHARDS = 4


@pytest.fixture
def model() -> Iterator[gemini_server.Gemini]:
    with gemini_server.running(answers="offline", keys=(KEY,), latency="20ms") as server:
        yield server


@pytest.fixture
def production(aws, database, model, tmp_path) -> Production:
    job = Production(tmp_path, aws, database, model, products=PRODUCTS, catalogue=CATALOGUE)
    ended = job.command("db", "init", str(CONFIG))
    assert ended.code == 0, ended.err
    return job


def metrics_in(text: str) -> list[dict]:
    """The lines that CloudWatch makes metrics of."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and '"_aws"' in line]


def test_it_runs_as_a_batch_child_and_everything_balances(production, proxy):
    checked = production.command("check", str(CONFIG), "--connect", aws=proxy)
    assert checked.code == 0, checked.err
    proxy.counts.clear()
    ended = production.run(aws=proxy, attempt=2)
    assert ended.code == 0, ended.err
    report = ended.json
    assert balanced(report)
    assert (report["pending"], report["failed"], report["rejected"]) == (0, 0, 0)
    assert report["calls"]["new"] == paid(production.model)
    assert proxy.counts["GetSecretValue"] == 2, "two secrets, whatever the number of products and of references"
    assert report["secrets"] == {"fetched": 2, "reloaded": 0}
    assert report["batch"] == {"job": "5f1c", "attempt": 2}
    assert report["events_undelivered"] == 0
    rows = production.rows()
    assert sum(rows.values()) == report["queries"]["kept"] == report["queries_saved_to_db"]
    (document,) = production.results().values()
    products = json.loads(document)["products"]
    assert Counter((one["query_type"], one["text"]) for product in products for one in product["queries"]) == rows
    names = {item["eventName"] for item in items(production.aws, production.table, production.job_id)}
    assert names >= {"JobStarted", "JobFinished", "ExecutionStats", "SinkDelivery"}
    (metric,) = (one for one in metrics_in(ended.err) if "ProductsProcessed" in json.dumps(one))
    assert KEY not in json.dumps(metric)
    requests = ", ".join(f"{number:,} {name}" for name, number in proxy.counts.most_common())
    print(f"\n{report['input']:,} products, {report['calls']['new']:,} calls, {sum(rows.values()):,} rows; {requests}")
    again = production.run(machine="another disk", aws=proxy)
    assert (again.code, again.json["calls"]["new"], again.json["attempt"]) == (0, 0, 2), again.err
    assert production.rows() == rows
    renamed = production.run("--job-id", "another-night", machine="a third disk", aws=proxy)
    assert (renamed.code, renamed.json["calls"]["new"], renamed.json["calls"]["job"]) == (0, 0, 0), renamed.err
    assert renamed.json["sinks"]["postgres/queries"]["displaced"] == sum(rows.values())
    assert production.rows() == rows, "one active set, whatever the night's job is called"


@pytest.fixture
def alone(production) -> dict[str, bytes]:
    """What one process makes, in a bucket that is empty again afterwards but for the catalogue."""
    ended = production.run(*PARTS, machine="alone")
    assert ended.code == 0, ended.err
    made = production.parts()
    assert queries_of(made) == production.rows()
    s3 = production.aws.client("s3")
    for key in production.objects():
        if key != production.key:
            s3.delete_object(Bucket=production.bucket, Key=key)
    production.database.rows("TRUNCATE queries, products, querygen.delivery, querygen.product, jobselectedproducts")
    production.model.reset()
    return made


def test_an_array_makes_what_one_process_makes_and_goes_on_with_another_size_on_empty_disks(production, alone):
    """One of four is lost for good in the middle; then the job is submitted again as an array of two."""
    production.model.set_pace(latency="150ms")
    children = [production.start(machine=f"child {index}", shard=(index, SHARDS)) for index in range(SHARDS)]
    lost = max(range(SHARDS), key=lambda index: _share(alone, index))
    wait_for(children[lost], lambda: paid(production.model) >= 6)
    interrupt(children[lost], signal.SIGKILL)
    ended = {index: end(child, LIMIT) for index, child in enumerate(children) if index != lost}
    assert {one.code for one in ended.values()} == {0}, [one.err for one in ended.values() if one.code]
    partial = production.command("report", str(CONFIG), "--job-id", production.job_id, "--json", machine="merging").json
    assert (partial["missing_shards"], partial["exit_code"]) == ([lost], 75)
    production.model.set_pace(latency="0ms")
    paid_before = paid(production.model)
    children = [production.start(machine=f"new {index}", shard=(index, 2)) for index in range(2)]
    second = [end(child, LIMIT) for child in children]
    assert [one.code for one in second] == [0] * 2, [one.err for one in second]
    needed = production.model.stats()["paid"]
    assert sum(one.json["calls"]["new"] for one in second) == needed - paid_before
    assert production.parts() == alone
    assert production.rows() == queries_of(alone)
    merged = production.command("report", str(CONFIG), "--job-id", production.job_id, "--json", machine="merging").json
    assert (merged["exit_code"], merged["missing_shards"], merged["shard"]["size"]) == (0, [], 2)
    assert balanced(merged)
    assert merged["queries"]["kept"] == sum(production.rows().values())
    assert merged["calls"]["job"] <= needed + CONCURRENCY
    accounts = production.model.accounts(paid=2)
    assert len(accounts) <= CONCURRENCY, "what was paid again was in flight when the process was lost"


def _share(parts: dict[str, bytes], index: int) -> int:
    """How much of the job a child has."""
    return sum(len(body) for name, body in parts.items() if name[5:7].isdecimal() and int(name[5:7]) % SHARDS == index)


def test_secrets_are_found_nowhere(production):
    ended = production.run("--log-level", "debug")
    assert ended.code == 0, ended.err
    stored = production.folder / "stored"
    stored.mkdir()
    for number, body in enumerate(production.objects().values()):
        (stored / f"object-{number}").write_bytes(body)
    for name in (production.job_id, "querygen#durations"):
        events = items(production.aws, production.table, name)
        (stored / f"{name.replace('/', '-')}.json").write_text(json.dumps(events, default=str))
    for table in ("queries", "products", "querygen.delivery"):
        (stored / table).write_text(json.dumps(production.database.rows(f"SELECT * FROM {table}"), default=str))
    for secret in (KEY, PASSWORD, CREDENTIALS["AWS_SECRET_ACCESS_KEY"]):
        assert places(secret, production.folder, ended.out, ended.err) == []


def test_a_bad_day_of_everything_loses_and_doubles_nothing(production, proxy):
    """A third of all requests is throttled, some answers are lost, some events are not taken."""
    proxy.on("s3:.*", Fail("SlowDown"), share=0.3, seed=11)
    proxy.on("(dynamodb|secretsmanager):.*", Fail("ThrottlingException"), share=0.3, seed=12)
    proxy.on("BatchWriteItem", Unprocessed(0.5), share=0.5, seed=13)
    proxy.on("PutObject", LoseAnswer(), share=0.1, seed=14)
    ended = production.run(aws=proxy)
    assert ended.code == 0, ended.err
    proxy.clear()
    # Events are kept on the disk of the run; what a run could not send in its last seconds, the next one there sends.
    for machine in ("disk", "another disk"):
        again = production.run(machine=machine, aws=proxy)
        assert (again.code, again.json["calls"]["new"], again.json["events_undelivered"]) == (0, 0, 0), again.err
    assert production.model.accounts(paid=2) == {}
    report = ended.json
    assert report["calls"]["new"] == paid(production.model)
    twice = (
        "SELECT product_id FROM queries WHERE is_active GROUP BY product_id, query_type, query_text HAVING count(*) > 1"
    )
    assert production.database.rows(twice) == []
    assert sum(production.rows().values()) == report["queries"]["kept"]
    ours = production.results().values()
    assert sum(body.count(b'"request_key"') for body in ours) == report["queries"]["kept"]
    events = items(production.aws, production.table, production.job_id)
    assert len({item["sk"] for item in events}) == len(events)
    assert sum(item["eventName"] == "JobFinished" for item in events) == 3
