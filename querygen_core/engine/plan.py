"""What a run would send, use, cost and take, without sending anything. It goes the run's own way up to each call."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from querygen_core.contracts.errors import QuerygenError
from querygen_core.contracts.records import Request
from querygen_core.engine.build import Builder
from querygen_core.engine.generate import ProductPipeline
from querygen_core.engine.plan_estimate import Estimator, Use
from querygen_core.engine.plan_limits import Pace, StopsAt, stops_at
from querygen_core.engine.plan_manifest import PlanManifest
from querygen_core.engine.plan_reading import PlanReading
from querygen_core.engine.plan_requests import COUNTED_PROMPTS, Line, PlannedAnswers, SeenKeys
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.token_guess import NONE, Range, size_of

_READ_ON = 1_000  # products whose stored answers are read, which shows the refills they need
_SHOWN = 300  # products that need nothing, looked at for what their answers have used
_EARLIER = 300  # outcomes
_COUNTING = 30.0  # seconds that a provider gets to count tokens
_COUNTING_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One generator, or postprocessor, and one model that it asks."""

    name: str
    """Of the generator; of a postprocessor with the word before it."""
    model: str
    """The model's key under `models:`."""
    model_id: str
    """The provider's id of the model."""
    new: int
    """Requests to be paid: first ones, and the refills that stored answers show to be needed."""
    known: int
    """Requests for which nothing is paid."""
    use: Use
    """What the new ones will use, and further refills."""
    seconds: float
    """If it had the machine to itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do now."""

    job_id: str
    """The job's."""
    records: int
    """Of the input, or of this shard's part of it."""
    states: Mapping[str, int]
    """Records by state: `pending` ones are what the run has to make."""
    lines: Sequence[PlanLine]
    """By generator and model, in the config's order."""
    seconds: float
    """That the calls will take, about."""
    stops_at: StopsAt | None
    """None: no limit is expected to be reached."""
    notes: Sequence[str] = ()
    """What a reader must know of how it was made."""

    @property
    def new(self) -> int:
        return sum(line.new for line in self.lines)

    @property
    def known(self) -> int:
        return sum(line.known for line in self.lines)

    @property
    def usd(self) -> Range | None:
        """None: the price of a model that will be asked is not known."""
        prices = [line.use.usd for line in self.lines if line.use.calls.high]
        return None if None in prices else sum((usd for usd in prices if usd is not None), NONE)

    def to_json(self) -> dict[str, Any]:
        total_in = sum((line.use.input for line in self.lines), NONE)
        total_out = sum((line.use.output for line in self.lines), NONE)
        refills = sum((line.use.refills for line in self.lines), NONE)
        return {
            "format": "querygen-plan/1",
            "job_id": self.job_id,
            "records": self.records,
            "states": dict(self.states),
            "requests": {"new": self.new, "known": self.known, "refills": _whole(refills)},
            "tokens": {"in": _whole(total_in), "out": _whole(total_out)},
            "usd": {"live": _usd(self.usd)},
            "seconds": round(self.seconds, 1),
            "stops_at": self.stops_at and asdict(self.stops_at),
            "by": [_line_json(line) for line in self.lines],
            "notes": list(self.notes),
        }


def _line_json(line: PlanLine) -> dict[str, Any]:
    use = line.use
    return {
        "generator": line.name,
        "model": line.model,
        "model_id": line.model_id,
        "requests": {"new": line.new, "known": line.known, "refills": _whole(use.refills)},
        "tokens": {"in": _whole(use.input), "out": _whole(use.output)},
        "usd": {"live": _usd(use.usd)},
        "seconds": round(line.seconds, 1),
        "known_from": {"in": use.input_known, "out": use.output_known},
    }


def _whole(figure: Range) -> dict[str, int]:
    return {"low": math.floor(figure.low), "expected": round(figure.expected), "high": math.ceil(figure.high)}


def _usd(figure: Range | None) -> dict[str, float] | None:
    return None if figure is None else {name: round(value, 6) for name, value in asdict(figure).items()}


async def make_plan(builder: Builder) -> Plan:
    """Read the input and say what a run would send now. Pays nothing, and needs no key of any model.

    Raises:
        QuerygenError: what would keep the run from asking anything: an input that cannot be read, a store that cannot
        be looked into, a config without the price that its `max_cost` needs.
    """
    builder.spares_secrets = True
    models = builder.models(Shutdown())
    store, seen = builder.store_view(), SeenKeys()
    builder.closing.callback(seen.close)
    answers = PlannedAnswers(builder.request_keys(models), store, seen, _READ_ON)
    reading = PlanReading(
        builder,
        answers,
        PlanManifest(store, seen, answers.known_products, _SHOWN),
        builder.product_pipeline(answers),
        await store.is_empty(),
    )
    await reading.read()
    lines = _in_order(answers.lines.values(), reading.product_pipeline)
    for line in lines:
        line.repeat(reading.counted, reading.rendered)
    counted, notes = await _count_tokens(lines)
    if reading.counted:
        notes.append(
            f"the store is empty: {reading.rendered:,} products were rendered, and the requests of {reading.counted:,} "
            "more are counted as one for each content"
        )
    estimator = Estimator(
        lines,
        counted,
        list(store.earlier_answers(_EARLIER)),
        filters=bool(builder.pipeline.postprocessors),
        rounds=builder.pipeline.runtime.refill_rounds,
    )
    uses = [estimator.use(index) for index in range(len(lines))]
    pace, states = Pace.of(builder, store), reading.manifest.states
    return Plan(
        builder.pipeline.job_id,
        reading.stats.read,
        {state: number for state, number in states.items() if number},
        [_plan_line(line, use, pace.alone(line, use)) for line, use in zip(lines, uses, strict=True)],
        pace.together(lines, uses),
        stops_at(builder, store, uses, states["pending"]),
        notes,
    )


def _plan_line(line: Line, use: Use, seconds: float) -> PlanLine:
    name = line.asker.removeprefix("generator ").strip("'")
    return PlanLine(name, line.model.name, line.model.model, line.new, line.known, use, seconds)


def _in_order(lines: Iterable[Line], product_pipeline: ProductPipeline) -> list[Line]:
    """The config's generators first. A few asked more than are wanted: see `Line.has_spare`."""
    places = {stage.asker.name: (place, stage) for place, stage in enumerate(product_pipeline.generators)}
    for line in (ordered := sorted(lines, key=lambda line: places.get(line.asker, (len(places), None))[0])):
        stage = places.get(line.asker, (0, None))[1]
        line.has_spare = stage is None or stage.asked > stage.count
    return ordered


async def _count_tokens(lines: Sequence[Line]) -> tuple[dict[int, float], list[str]]:
    """Index of a line → tokens for each that is guessed, where the provider counts; and what to say of it."""
    counted: dict[int, float] = {}
    notes: list[str] = []
    wanted = [
        (index, line) for index, line in enumerate(lines) if line.model.counter and line.picked and not line.is_known
    ]
    for index, line in wanted:
        share = line.picked[: max(1, COUNTED_PROMPTS // len(wanted))]
        try:
            async with asyncio.timeout(_COUNTING):
                counted[index] = await _counted_ratio(line, share)
        except (TimeoutError, QuerygenError) as error:
            reason = str(error) or "no answer in time"
            notes.append(f"model {line.model.name!r} could not count tokens, so they are guessed: {reason}")
            break
        notes.append(f"the provider of {line.model.name!r} has counted the tokens of {len(share)} prompts")
    return counted, list(dict.fromkeys(notes))


async def _counted_ratio(line: Line, requests: Sequence[Request]) -> float:
    slots = asyncio.Semaphore(_COUNTING_AT_ONCE)
    counter, guard = line.model.counter, line.model.provider.guard
    assert counter is not None  # noqa: S101 - the caller has looked

    async def count(request: Request) -> int:
        async with slots:
            with guard:
                return int(await counter.count_tokens(request))

    counts = await asyncio.gather(*map(count, requests))
    return sum(counts) / max(1.0, sum(size_of(request).tokens for request in requests))
