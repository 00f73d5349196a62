"""What a plan says, beside what the stand-in for Google's API then counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gemini_server import Gemini
from tests.jobs.gemini.jobs import CATALOGUES, Job

FILTERS = [{"use": "text/standardise"}, {"use": "text/quality"}, {"use": "text/dedup"}]
SAMPLE = 26  # products: 52 answers


def written(folder: Path, name: str, records: list[dict[str, Any]]) -> str:
    file = folder / f"{name}.jsonl"
    file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return str(file)


def poor(number: int) -> dict[str, Any]:
    return {"product_id": f"p{number}", "title": f"Lamp {number}"}


def foreign(number: int) -> dict[str, Any]:
    title, text, word = [
        ("Gartenschlauch", "Ein sehr nützliches Gerät für jeden Tag, mit Zubehör. ", "Größe"),
        ("電気ケトル", "とても便利な製品です。毎日の生活に役立ちます。", "色"),
        ("Чайник", "Очень удобный прибор для дома и дачи. ", "Цвет"),
    ][number % 3]
    return {
        "product_id": f"f{number}",
        "title": f"{title} {number}",
        "description": text * 8,
        "attributes": {word: title},
    }


def catalogue(folder: Path, kind: str) -> str:
    make = {"poor": poor, "foreign": foreign}[kind]
    return written(folder, kind, [make(number) for number in range(2 * SAMPLE)])


def job_at(server: Gemini, folder: Path, file: str) -> Job:
    folder.mkdir(exist_ok=True)
    changes: dict[str, Any] = {"postprocessors": FILTERS}
    return Job(
        folder / "job", url=server.url, catalogue=file, count=25, changes=changes, runtime={"max_failed_ratio": 0.5}
    )


def plan(job: Job, *words: str, **environ: str) -> dict[str, Any]:
    ended = job.command("plan", "shop.yaml", "--json", *words, **environ)
    assert ended.code == 0, ended.err
    made: dict[str, Any] = ended.json
    return made


def assert_within(made: dict[str, Any], cost: float) -> None:
    usd = made["usd"]["live"]
    assert usd["low"] <= cost <= usd["high"]
    assert usd["high"] <= 2.5 * usd["low"]


def assert_close(made: dict[str, Any], report: dict[str, Any]) -> None:
    assert made["usd"]["live"]["expected"] == pytest.approx(report["cost"], rel=0.05)
    assert_within(made, report["cost"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["poor", "foreign", *CATALOGUES])
def test_a_plan_holds_what_the_run_then_costs(server, tmp_path, kind):
    """Without a key; with one, by which tokens are counted for nothing; and when the store has 52 answers."""
    job = job_at(server, tmp_path, kind if kind in CATALOGUES else catalogue(tmp_path, kind))
    job.write()
    blind, counted = plan(job, GEMINI_API_KEY=""), plan(job)
    assert server.stats()["paid"] == 0
    sample = job.report("--sample", f"{SAMPLE}")
    known = plan(job)
    rest = job.report()
    assert known["requests"]["new"] == rest["calls"]["new"]
    assert_close(known, rest)
    for made in (blind, counted):
        assert made["requests"]["new"] == sample["calls"]["new"] + rest["calls"]["new"]
        assert_within(made, sample["cost"] + rest["cost"])
