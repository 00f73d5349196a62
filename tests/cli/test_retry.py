from __future__ import annotations

import json
from pathlib import Path


def test_retry_asks_again_what_had_no_usable_answer_and_nothing_else(here, job, tmp_path: Path):
    (tmp_path / "says").write_text("I would rather not")
    job(models={"m": {"use": "lab/model", "says_in": "says", "about": "Product"}})
    first = here("run", "job.yaml", "--json")
    assert (first.code, first.json["failed"]) == (69, 3)
    assert first.json["calls"]["new"] - first.json["calls"]["probe"] == 6, "two tries each"
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 0
    still = here("retry", "job", "--json")
    assert (still.code, still.json["failed"]) == (69, 3)
    assert still.json["calls"]["new"] - still.json["calls"]["probe"] == 3, "one more each"
    (tmp_path / "says").write_text("questions")
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 0, "only `retry` asks again"
    healed = here("retry", "job", "--json")
    assert (healed.code, healed.json["done"], healed.json["calls"]["new"]) == (0, 3, 3)
    assert here("retry", "job", "--json").json["calls"]["new"] == 0


def test_retry_takes_the_config_as_it_was(here, job, tmp_path: Path):
    (tmp_path / "says").write_text("no")
    job(models={"m": {"use": "lab/model", "says_in": "says", "about": "Product"}})
    words = ["--set", "input.count=2", "--set", "sinks.table.path=other.json", "--state-dir", "state"]
    here("run", "job.yaml", "--job-id", "mine", *words)
    (tmp_path / "job.yaml").unlink()
    (tmp_path / "says").write_text("questions")
    healed = here("retry", "mine", "--state-dir", "state", "--json")
    assert (healed.code, healed.json["input"], healed.json["done"]) == (0, 2, 2)
    assert len(json.loads((tmp_path / "other.json").read_text())) == 2


def test_a_secret_is_fetched_anew_for_a_retry(here, job, tmp_path: Path):
    (tmp_path / "says").write_text("no")
    job(models={"m": {"use": "lab/model", "says_in": "says", "about": "Product", "key": "${secret:env:LAB_KEY}"}})
    here("run", "job.yaml", LAB_KEY="first-key-1234")
    (tmp_path / "says").write_text("questions")
    assert here("retry", "job", "--json").code == 77, "a secret is not in the journal"
    assert here("retry", "job", "--json", LAB_KEY="second-key-1234").code == 0


def test_retry_reads_the_products_that_the_run_read(here, job, tmp_path: Path):
    (tmp_path / "says").write_text("no")
    job(
        models={"m": {"use": "lab/model", "says_in": "says", "about": "Product"}},
        input={"use": "lab/shelf", "count": 50},
    )
    here("run", "job.yaml", "--sample", "2")
    here("run", "job.yaml", "--job-id", "words", "--product", '{"id": "K1", "title": "Product K"}')
    (tmp_path / "mine.jsonl").write_text('{"id": "P1", "title": "Product P"}')
    here("run", "job.yaml", "--job-id", "file", "--products-file", "mine.jsonl")
    (tmp_path / "says").write_text("questions")
    for job_id, expected in (("job", 2), ("words", 1), ("file", 1)):
        healed = here("retry", job_id, "--json")
        assert (healed.code, healed.json["done"], healed.json["calls"]["new"]) == (0, expected, expected), job_id
