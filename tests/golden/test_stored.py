"""What this version has stored is found by it and by every later one.

Until 0.1.0 is published a change of layout may store it anew: `uv run python -m tests.golden.stored`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from querygen_core.api import Product, Shard
from querygen_core.contracts.canonical import digest
from querygen_core.journal.answer_db import AnswerDb
from querygen_core.testing import product
from tests.cli.process import querygen
from tests.golden.stored import OUT, copy_to

KEYS = (
    "1537e5d8144795fa5b58e3907dd0e826d59e2f94db118c2977c70698262b128a",
    "1b28bd1feb776e1a8b3cc1d9afe98a0e35eb79482867d3708812b40d48473271",
    "221f5e4e839ace5f485a3c852bd0d3684e3d06f9656592f45ac34fb765264de2",
    "521868b5ce7b2967937a929e235b2a83daba8e1b88dea5f797c8d361c8786f87",
    "9345c36f48379e1cc6464f163b9b797913022ad308777fd6e39560de2b381542",
    "aa85aae1074ed726433860b6389aaa564d7abc433ec919345b5dbf219d968031",
    "b57e843f97c2ddc128cbbf00a6c921da33d22095311528c9053522801d248304",
    "ba044b3e8b8c498382e07e139619772f52b8ba81b631c82503f33437952d2a93",
    "edec0d4ad5c52fad21469c540c74c3e8b4d32365a6106aab426b3b4e5188660e",
)
"""Of the requests in the stored state. They must never change."""

CONTENT_HASH = "12ce1c6f513ccfa0f9bd2ad9f86ecdee76d2f73db18bb8a00d7d5b3ff20ae8ad"
DIGEST = "0b6e9b47de746756b3aac631983ce0a2472c78c328ebbbba0cd3d00f8a95bfc4"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_to(tmp_path)
    return tmp_path


def run(folder: Path, *words: str):
    return querygen("run", "job.yaml", "--state-dir", "state", "--json", *words, cwd=folder)


@pytest.mark.slow
def test_nothing_is_paid_for_again(here: Path):
    ended = run(here)
    assert (ended.code, ended.json["calls"]["new"], ended.json["done"]) == (0, 0, 4), ended.err
    assert ended.json["calls"]["job"] == 9
    assert (here / "out.jsonl").read_bytes() == OUT.read_bytes()


def test_without_the_job_its_answers_are_enough(here: Path):
    (here / "state" / "stored" / "journal.sqlite").unlink()
    ended = run(here)
    assert (ended.json["calls"]["new"], ended.json["calls"]["journal"], ended.json["done"]) == (0, 9, 4), ended.err
    assert (here / "out.jsonl").read_bytes() == OUT.read_bytes(), "the stored answers are read in another way"


@pytest.mark.slow
def test_another_job_finds_the_answers_too(here: Path):
    ended = run(here, "--job-id", "another")
    assert (ended.json["calls"]["new"], ended.json["calls"]["journal"], ended.json["calls"]["job"]) == (0, 9, 0)


def test_each_answer_is_found_by_its_key(here: Path):
    async def found() -> list[int]:
        answers = AnswerDb(here / "state" / "answers.sqlite", "stored", Shard())
        try:
            return [len(await answers.answers(key)) for key in KEYS]
        finally:
            await answers.aclose()

    assert asyncio.run(found()) == [1] * len(KEYS)


@pytest.mark.slow
def test_report_and_jobs_know_the_job(here: Path):
    report = querygen("report", "stored", "--state-dir", "state", "--json", cwd=here)
    assert (report.code, report.json["done"], report.json["rejected"]) == (0, 4, 1)
    jobs = querygen("jobs", "--state-dir", "state", "--json", cwd=here)
    assert [job["job_id"] for job in jobs.json] == ["stored"]


@pytest.mark.slow
def test_retry_works_on_it(here: Path):
    ended = querygen("retry", "stored", "--state-dir", "state", "--json", cwd=here)
    assert (ended.code, ended.json["calls"]["new"]) == (0, 0), ended.err


def test_keys_are_those_of_the_first_release():
    """Whoever changes one of these makes every user pay for everything again."""
    assert product().content_hash() == CONTENT_HASH
    assert digest({"v": 1, "ünï": [1, 2.5, None, True, {"b": "\ud800", "a": "<&>"}]}) == DIGEST
    assert Product(product_id="a:b", title="t", source="50%", locale="de").key == "50%25:a%3Ab:de"
