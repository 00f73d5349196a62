from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks import (
    empty_disk,
    memory,
    overhead,
    overhead256,
    pace,
    plan,
    postgres,
    resume,
    start,
    store,
    tokens,
)
from tests.benchmarks.measure import show
from tests.benchmarks.tokenizers import TOKENIZERS

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (overhead, overhead256, pace, memory, resume, empty_disk, plan, start, store, postgres)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="What querygen costs.")
    parser.add_argument("benchmark", choices=[*BENCHMARKS, "tokens"])
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many (default 5)")
    parser.add_argument("--products", type=int, help="size of a run's catalogue (default 2000; tokens: 200)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    of_tokens = parser.add_argument_group("tokens")
    of_tokens.add_argument(
        "--before", default="b4c22f5", help="revision whose prompts are compared (default: %(default)s)"
    )
    of_tokens.add_argument("--catalogue", type=Path, help="JSON or JSONL file (default: one that is made up)")
    of_tokens.add_argument("--tokenizer", choices=TOKENIZERS, default="cl100k")
    given = parser.parse_args()
    if given.benchmark == "tokens":
        count = TOKENIZERS[given.tokenizer]()
        rows, given.rounds = tokens.measure(given.products or 200, given.before, given.catalogue, count), 1
    else:
        rows = BENCHMARKS[given.benchmark].measure(given.rounds, given.products or 2_000)
    show(given.benchmark, given.rounds, rows, as_json=given.json)


if __name__ == "__main__":
    main()
