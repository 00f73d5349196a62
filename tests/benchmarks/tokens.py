"""Tokens and USD per accepted question: the prompts of this checkout beside those of an earlier revision.

No model is paid: `offline/model` answers, and a deterministic filter drops a share of the questions, so that products
need refills. What a real model would answer in the same shape has about the same length.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b
from pathlib import Path

import yaml

from querygen_core.answers import Parsed, read_answer
from querygen_core.api import Price, Response
from querygen_core.config import with_spare
from querygen_core.contracts.records import Product, Query, Request, Want
from querygen_core.engine.selection import missing_by_sub_type
from querygen_core.products import read_product
from querygen_core.prompts import PromptFile
from querygen_gemini.prices import find_price
from querygen_offline.model import OfflineModel
from querygen_offline.options import OfflineOptions
from tests.benchmarks.job import write_catalogue
from tests.benchmarks.measure import ROOT, Row
from tests.benchmarks.tokenizers import Count

COUNT = 25
ROUNDS = 3  # the first request and two refills, as `runtime.refill_rounds` has it
KINDS = ("product", "market")
SHARES = (0.0, 0.05)


@dataclass(frozen=True, slots=True)
class Way:
    """A set of prompts, and how the engine of its time asks with them."""

    prompts: Mapping[str, PromptFile]
    ask: int
    refill: Callable[[int], int]
    """Shortfall → number that a refill asks for."""
    tells: bool
    """Whether a refill is told of missing sub_types, dropped questions and the other generator's questions."""


@dataclass(slots=True)
class Spent:
    """What all products of one catalogue cost, at the prices of the production config."""

    input: int = 0
    output: int = 0
    usd: float = 0.0
    accepted: int = 0
    one_call: int = 0
    halves: int = 0
    """Generators × products."""

    def figures(self) -> dict[str, float]:
        return {
            "input_per_question": self.input / self.accepted,
            "answer_per_question": self.output / self.accepted,
            "usd_per_1000": self.usd / self.accepted * 1000,
            "one_call_percent": 100 * self.one_call / self.halves,
        }


@dataclass(slots=True)
class Half:
    """The work of one generator on one product. good, dropped: its questions so far."""

    kind: str
    good: list[Query] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    calls: int = 0


def measure(products: int, revision: str, catalogue: Path | None, count: Count) -> list[Row]:
    """A row for each set of prompts and share of dropped questions, and one for the ratios.

    revision: whose prompts are those of before. count: the tokens of a text.
    """
    with tempfile.TemporaryDirectory(prefix="querygen-tokens-") as folder:
        return compare(_prompts_of(revision, Path(folder)), products, catalogue, count)


def compare(before: Path, products: int, catalogue: Path | None, count: Count) -> list[Row]:
    """As `measure`. before: the folder of the prompts to compare with."""
    with tempfile.TemporaryDirectory(prefix="querygen-tokens-") as folder:
        found = list(_products(catalogue or write_catalogue(Path(folder) / "made.jsonl", products), products))
    old = Way(_load(before), COUNT, lambda shortfall: shortfall, tells=False)
    new = Way(_load(ROOT / "prompts"), with_spare(COUNT), with_spare, tells=True)
    rows = []
    for share in SHARES:
        pair = [asyncio.run(_spend(way, found, share, count)).figures() for way in (old, new)]
        percent = f"{share:.0%} dropped"
        rows += [Row(f"{name}, {percent}", figures) for name, figures in zip(("before", "now"), pair, strict=True)]
        ratio = pair[1]["usd_per_1000"] / pair[0]["usd_per_1000"]
        rows.append(Row(f"ratio of USD, {percent}", {"usd_per_1000": ratio}))
    note = f"{len(found)} products; tokens of {count.name}; prices of configs/prod.yaml on {_today()}"
    return [*rows, Row("how", {}, note)]


def _products(catalogue: Path, limit: int) -> Iterator[Product]:
    text = catalogue.read_text("utf-8")
    records = json.loads(text) if catalogue.suffix == ".json" else map(json.loads, text.splitlines())
    if isinstance(records, Mapping):
        records = next(value for value in records.values() if isinstance(value, list))
    read = (read_product(record) for record in records)
    found = [product for product in read if isinstance(product, Product)]
    yield from found[:limit]


def _prompts_of(revision: str, folder: Path) -> Path:
    for name in ("macros", *KINDS):
        command = ["git", "show", f"{revision}:prompts/{name}.j2"]
        shown = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        if shown.returncode:
            raise SystemExit(f"{' '.join(command)}: {shown.stderr.strip()}; name another revision by --before")
        (folder / f"{name}.j2").write_text(shown.stdout, "utf-8")
    return folder


def _load(folder: Path) -> dict[str, PromptFile]:
    return {kind: PromptFile(folder / f"{kind}.j2") for kind in KINDS}


async def _spend(way: Way, products: Sequence[Product], share: float, count: Count) -> Spent:
    """Work off all products as the engine does, without a journal. share: of the questions that are dropped, 0 to 1."""
    spent, model, prices = Spent(), OfflineModel(OfflineOptions()), _prices()
    for product in products:
        halves = [Half(kind) for kind in KINDS]
        for number in range(ROUNDS):
            # All generators of a round are asked at once: none knows what the others get.
            accepted = {half.kind: [query.text for query in half.good] for half in halves}
            for half in (half for half in halves if len(half.good) < COUNT):
                request = way.prompts[half.kind].render(product, _want(way, half, number, accepted))
                text = (await model.complete(request)).text
                half.calls += 1
                tokens = count(_sent(request)), count(text)
                spent.input += tokens[0]
                spent.output += tokens[1]
                price = prices[half.kind]
                spent.usd += (tokens[0] * price.input + tokens[1] * price.output) / 1e6
                _sort(half, text, request, share)
        spent.halves += len(halves)
        spent.one_call += sum(half.calls == 1 for half in halves)
        spent.accepted += sum(min(COUNT, len(half.good)) for half in halves)
    return spent


def _want(way: Way, half: Half, number: int, accepted: Mapping[str, Sequence[str]]) -> Want:
    if number == 0:
        return Want(query_type=half.kind, count=way.ask)
    asked = way.refill(COUNT - len(half.good))
    want = Want(query_type=half.kind, count=asked, accepted=tuple(accepted[half.kind]), round=number)
    if not way.tells:
        return want
    plan = way.prompts[half.kind].plan(COUNT)
    return Want(
        query_type=half.kind,
        count=asked,
        accepted=tuple(text for kind in KINDS for text in accepted[kind]),
        round=number,
        missing=missing_by_sub_type(plan, half.good, asked),
        dropped=half.dropped,
    )


def _sort(half: Half, text: str, request: Request, share: float) -> None:
    answer = read_answer(Response(text=text), request.schema)
    for item in answer.value["questions"] if isinstance(answer, Parsed) else ():
        query = Query(text=item["text"], sub_type=item.get("sub_type", ""))
        if _drawn(query.text) < share:
            half.dropped[query.text] = "quality/drawn_by_lot"
        else:
            half.good.append(query)


def _drawn(text: str) -> float:
    """A number in [0, 1), always the same for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


def _sent(request: Request) -> str:
    """Everything of a request that is paid for."""
    return "\n".join([request.system, request.prompt, json.dumps(request.schema, separators=(",", ":"))])


def _today() -> date:
    return datetime.now(UTC).date()


def _prices() -> dict[str, Price]:
    """Generator → price of its model in the production config."""
    config = yaml.safe_load((ROOT / "configs" / "prod.yaml").read_text("utf-8"))
    prices = {}
    for generator in config["generators"]:
        price = find_price(config["models"][generator["model"]]["model"], _today())
        assert price is not None, "the production config names a model without a price"
        prices[generator["name"]] = price
    return prices
