"""Whatever is sampled after a full run, in a process of its own: what was delivered stays, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

from postgres_server import Database
from tests.faults.shop import Shop, balanced

PROMPTS = Path(__file__).parents[3] / "prompts"
TABLES = ("products", "queries", "jobselectedproducts", "querygen.delivery", "querygen.product")
SINKS = [
    {"use": "postgres/queries", "dsn": "${secret:env:SHOP_DSN}", "name": "rows"},
    {"use": "files/jsonl", "path": "out.jsonl"},
    {"use": "files/json", "path": "out.json"},
]


class Delivered:
    """A job of two products that has been delivered to a database and to files."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.database = database
        self.shop = Shop(folder / "shop", products=2, latency_ms=0, flaws=0, changes={"sinks": SINKS})
        first = self.run()
        assert first["exit_code"] == 0
        assert first["calls"]["new"] == 4

    def run(self, *words: str, config: str = "shop.yaml") -> dict[str, Any]:
        ended = self.shop.command("run", config, "--json", *words, SHOP_DSN=self.database.dsn)
        assert ended.out, ended.err
        report: dict[str, Any] = ended.json
        assert balanced(report)
        assert report["exit_code"] == ended.code
        return report

    def state(self) -> dict[str, Any]:
        """Everything that a reader of tables or files may see; samples' own files are not meant for one."""
        files = {name: (self.shop.folder / name).read_bytes() for name in ("out.jsonl", "out.json")}
        rows = {name: sorted(self.database.rows(f"SELECT t::text FROM {name} t")) for name in TABLES}
        return {**files, **rows}

    def sampled(self) -> set[str]:
        """The products in the sample's file."""
        lines = (self.shop.folder / "out.sample.jsonl").read_text("utf-8").splitlines()
        return {json.loads(line)["product_id"] for line in lines}

    def edit_prompt(self) -> tuple[str, ...]:
        """The flags with which a run uses the edited prompt."""
        folder = self.shop.folder / "edited"
        copytree(PROMPTS, folder, ignore=ignore_patterns("tests"))
        prompt = folder / "product.j2"
        text = prompt.read_text("utf-8").replace("{% endblock %}", "Ask as a shopper in a hurry would.\n{% endblock %}")
        prompt.write_text(text, encoding="utf-8")
        return ("--set", "prompts_dir=edited")


@pytest.fixture
def delivered(ready: Database, tmp_path: Path) -> Delivered:
    return Delivered(tmp_path, ready)


@pytest.mark.slow
def test_no_sample_changes_what_was_delivered(delivered: Delivered):
    before = delivered.state()
    edited = delivered.edit_prompt()
    copy = delivered.shop.folder / "copy.yaml"
    config = json.loads((delivered.shop.folder / "shop.yaml").read_text("utf-8"))
    del config["job_id"]
    copy.write_text(json.dumps(config), encoding="utf-8")

    same = delivered.run("--sample", "1")
    assert (same["exit_code"], same["calls"]["new"], same["sinks"]["rows"]["unchanged"]) == (0, 0, 16)
    assert delivered.state() == before

    other_prompt = delivered.run("--sample", "1", *edited)
    assert (other_prompt["exit_code"], other_prompt["calls"]["new"]) == (0, 1)
    assert other_prompt["sinks"]["rows"]["held"] == 16
    assert delivered.state() == before
    assert delivered.sampled() == {"S000"}

    copied = delivered.run("--sample", "1", config="copy.yaml")
    assert (copied["job_id"], copied["exit_code"], copied["calls"]["new"]) == ("copy", 0, 0)
    assert copied["sinks"]["rows"]["held"] == 16
    assert delivered.state() == before

    wrong = ("--set", "models.m.errors=1", "--set", "runtime.retry_for=0", "--set", "generators.product.edition=b")
    failed = delivered.run("--sample", "1", *wrong)
    assert failed["exit_code"] != 0
    assert delivered.state() == before
    assert delivered.sampled() == {"S000"}, "the sample before it stays too"

    refused = delivered.run(config="copy.yaml")
    assert (refused["exit_code"], refused["calls"]["new"], refused["stopped_by"]) == (74, 0, "sink")
    assert delivered.state() == before
