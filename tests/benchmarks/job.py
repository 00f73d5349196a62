"""Jobs to measure: a made-up catalogue of any size, a config around it, and the real command line to run it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import ROOT, Ended, run_python

TEXT: tuple[Mapping[str, Any], ...] = ({"use": "text/standardise"}, {"use": "text/quality"}, {"use": "text/dedup"})
GEMINI = "gemini-3.5-flash-lite"
KINDS = ("kettle", "lamp", "backpack", "desk", "drill", "blanket", "speaker")


@dataclass(frozen=True, slots=True)
class Job:
    """A config and a catalogue in `folder`; `run` resumes what is in its state folder."""

    folder: Path
    catalogue: Path
    latency_ms: int = 0
    concurrency: int = 64
    postprocessors: tuple[Mapping[str, Any], ...] = ()
    sinks: tuple[str, ...] = ("jsonl",)
    base_url: str = ""

    @property
    def config(self) -> Path:
        return self.folder / "job.yaml"

    def at(self, url: str) -> Job:
        """The same with a stand-in for Gemini at `url`."""
        return replace(self, base_url=url)

    def write(self) -> Job:
        """Write the config; JSON is YAML too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(json.dumps(self._config(), indent=1), encoding="utf-8")
        return self

    def start_over(self) -> Job:
        """Write the config and forget every earlier run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.write()

    def run(self) -> tuple[Ended, dict[str, Any]]:
        """One `querygen run`, measured, and the report that it printed."""
        ended = run_python("-m", "querygen_core", "run", self.config, "--json", cwd=self.folder)
        return ended, json.loads(ended.stdout)

    def run_bare(self, loop: str) -> tuple[Ended, dict[str, Any]]:
        """One of the loops of `bare.py` with the same config, and what it did."""
        ended = run_python("-m", "tests.benchmarks.bare", loop, self.config)
        return ended, json.loads(ended.stdout)

    def _config(self) -> dict[str, Any]:
        generators = [
            {"name": kind, "prompt": kind, "model": "writer", "query_type": kind, "count": 25}
            for kind in ("product", "market")
        ]
        return {
            "job_id": "benchmark",
            "prompts_dir": str(ROOT / "prompts"),
            "input": {"use": "files/catalogue", "path": str(self.catalogue)},
            "models": {"writer": self._model()},
            "generators": generators,
            "postprocessors": list(self.postprocessors),
            "sinks": [{"use": f"files/{sink}", "path": str(self.folder / f"out.{sink}")} for sink in self.sinks],
            "runtime": {"concurrency": self.concurrency, "state_dir": str(self.folder / "state")},
        }

    def _model(self) -> dict[str, Any]:
        """The stand-in for Gemini where there is one, which then decides how long an answer takes."""
        if self.base_url:
            return {
                "use": "gemini/api",
                "model": GEMINI,
                "api_key": "${secret:env:BENCHMARK_KEY}",
                "base_url": self.base_url,
            }
        return {"use": "offline/model", "latency_ms": self.latency_ms}


def write_catalogue(path: Path, lines: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_record(number)) + "\n" for number in range(lines))
    return path


def _record(number: int) -> dict[str, Any]:
    kind = KINDS[number % len(KINDS)]
    brand = f"Brand{number % 97}ia"
    return {
        "product_id": f"B-{number}",
        "title": f"{brand} {kind.title()} {number}",
        "brand": brand,
        "category_path": ["Home", f"{kind.title()}s"],
        "description": f"A {kind} that is used every day. Number {number} is a little lighter than the one before it.",
        "bullet_points": ["Easy to clean", "Spare parts for ten years", f"Comes in box {number % 13}"],
        "attributes": {
            "Weight": f"{100 + number % 4_900} g",
            "Width": f"{5 + number % 95} cm",
            "Material": ("steel", "beech", "cotton")[number % 3],
            "Colour": ("sand", "moss", "slate", "rust")[number % 4],
            "Warranty": f"{1 + number % 5} years",
        },
        "price": f"{10 + number % 490}.90",
        "currency": "EUR",
    }
