"""The work on one product: run its generators, then the postprocessors, then ask again for the shortfall only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from querygen_core.answers import READING_VERSION
from querygen_core.api import Ask, Generator, Postprocessor
from querygen_core.config import with_spare
from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import AnswerError, Stopped
from querygen_core.contracts.journal import ManifestEntry
from querygen_core.contracts.records import Outcome, Product, Query, Want
from querygen_core.engine.bound_ask import KEY_VERSION, Answers, BoundAsk, nobody
from querygen_core.engine.breaker import Asker
from querygen_core.engine.probe import PROBE_PRODUCT
from querygen_core.engine.run_yield import SURPLUS
from querygen_core.engine.selection import missing_by_sub_type, select
from querygen_core.registry import BuiltComponent

log = logging.getLogger("querygen.generate")

_TOLD = 50  # dropped questions that a refill is told of


@dataclass(frozen=True, slots=True)
class GeneratorStage:
    """A generator with its place in the pipeline."""

    name: str
    """Unique in the pipeline; written into each of its queries."""
    query_type: str
    """Written into each of its queries."""
    count: int
    """Good queries that each product should get from it."""
    component: BuiltComponent[Generator]
    """The generator."""
    fingerprint: Mapping[str, Any]
    """Plain JSON that its queries depend on, beside the product; part of every outcome key."""
    volatile: frozenset[str] = frozenset()
    """The product fields of `VOLATILE` that it reads."""
    edition: str | None = None
    """The config's `edition`, part of its requests' keys."""
    ask: int | None = None
    """Queries that its first request asks for; None: `count`."""
    plan: Mapping[str, int] = field(default_factory=dict)
    """sub_type → its share of `count`; empty if the generator has no plan."""
    prompt: str = ""
    """Its prompt's file, for messages; "" if that is not known."""

    @property
    def asked(self) -> int:
        return self.ask or self.count

    @property
    def asker(self) -> Asker:
        return Asker(f"generator {self.name!r}", self.prompt, self._probe)

    async def _probe(self, ask: Ask) -> None:
        """Send the request of the first round for a product that no generator should have trouble with."""
        want = Want(query_type=self.query_type, count=self.asked)
        with self.component.guard:
            await self.component.instance.generate(PROBE_PRODUCT, want, ask)


@dataclass(frozen=True, slots=True)
class PostprocessorStage:
    """A postprocessor with its place in the pipeline."""

    component: BuiltComponent[Postprocessor]
    """The postprocessor."""
    fingerprint: Mapping[str, Any]
    """Plain JSON that its results depend on, beside the queries; part of every outcome key."""

    @property
    def asker(self) -> Asker:
        return Asker(f"postprocessor {self.component.use!r}")


@dataclass(slots=True)
class _Progress:
    """The progress of one generator with one product."""

    stage: GeneratorStage
    ask: BoundAsk
    produced: int = 0
    """Queries that it has made, good or not."""
    good: list[Query] = field(default_factory=list)
    """Queries that no postprocessor has dropped."""
    dropped: list[Query] = field(default_factory=list)
    """The others that it has made."""
    whole: bool = True
    """Whether its last answers were complete, not cut at the token limit."""
    ended: str | None = None
    """Why it is not asked again, as the reason of a short outcome; None while it may be."""

    @property
    def shortfall(self) -> int:
        return max(0, self.stage.count - len(self.good))

    def sort(self, queries: Sequence[Query]) -> None:
        """Take up what the postprocessors have made of all queries of the product."""
        of_stage = [query for query in queries if query.generator == self.stage.name]
        self.good = [query for query in of_stage if not query.dropped]
        self.dropped = [query for query in of_stage if query.dropped]

    def reason(self) -> str:
        """Why it fell short: `ended`, or too few queries were made (`facts`), or too many were dropped (`filters`)."""
        if self.ended:
            return self.ended
        if not self.whole:
            return "cut"
        return "filters" if self.produced >= self.stage.count else "facts"


def pipeline_key(
    generators: Sequence[GeneratorStage], postprocessors: Sequence[PostprocessorStage], refill_rounds: int
) -> str:
    """SHA-256 (hex) of everything that an outcome depends on beside its product."""
    return digest(
        {
            "v": KEY_VERSION,
            "reading": READING_VERSION,
            "generators": [
                {
                    "name": stage.name,
                    "query_type": stage.query_type,
                    "count": stage.count,
                    "ask": stage.asked,
                    **stage.fingerprint,
                    **({} if stage.edition is None else {"edition": stage.edition}),
                }
                for stage in generators
            ],
            "postprocessors": [stage.fingerprint for stage in postprocessors],
            "refill_rounds": refill_rounds,
        }
    )


@dataclass(frozen=True, slots=True)
class ProductPipeline:
    """Makes a product's outcome: a pure function of the outcome key and the answers in the journal."""

    key: str
    """The pipeline's part of every outcome key; see `pipeline_key`."""
    generators: Sequence[GeneratorStage]
    """At least one; their order is that of an outcome's queries."""
    postprocessors: Sequence[PostprocessorStage]
    """Each gets the queries as the one before has left them."""
    refill_rounds: int
    """Number of times that a shortfall may be asked for again."""
    model_client: Answers
    """Answers the generators' and postprocessors' requests."""

    @property
    def volatile(self) -> frozenset[str]:
        """The product fields of `VOLATILE` that count as content, because a generator reads them."""
        return frozenset(name for stage in self.generators for name in stage.volatile)

    @property
    def components(self) -> list[tuple[str, BuiltComponent[object]]]:
        """Generators and postprocessors, each with a name for messages."""
        generators = [(stage.name, stage.component) for stage in self.generators]
        return [*generators, *((stage.component.use, stage.component) for stage in self.postprocessors)]

    def outcome_key(self, product: Product, content_hash: str) -> str:
        return digest({"v": KEY_VERSION, "product": product.key, "content": content_hash, "recipe": self.key})

    async def make(self, product: Product, entry: ManifestEntry, park: Callable[[], None] = nobody) -> Outcome:
        """The product's outcome. park: see `BoundAsk`.

        Raises:
            Stopped: the run ends. QuerygenError: the product is `failed`.
        """
        all_progress = [
            _Progress(stage, BoundAsk(self.model_client, stage.asker, product.key, stage.edition, park))
            for stage in self.generators
        ]
        queries: list[Query] = []
        for round_number in range(self.refill_rounds + 1):
            unfinished = [progress for progress in all_progress if progress.shortfall and not progress.ended]
            if not unfinished:
                break
            if round_number > 0:
                lacking = ", ".join(f"{progress.stage.name} {progress.shortfall}" for progress in unfinished)
                log.debug("product %s: refill %d, for what is missing: %s", product.key, round_number, lacking)
            new = await self._generate(product, unfinished, queries, round_number)
            # The kept queries too, because a new one may repeat one of them.
            queries = await self._postprocess(product, [*queries, *new], park)
            for progress in all_progress:
                progress.sort(queries)
            if round_number == 0:
                self._count_first(all_progress)
        return _outcome(product, entry, all_progress)

    def _count_first(self, all_progress: Sequence[_Progress]) -> None:
        for progress in all_progress:
            counted = self.model_client.stats.first_answers[progress.stage.name]
            counted.products += 1
            counted.one_call += not progress.shortfall
            if not progress.ended:
                counted.lost[max(0, progress.stage.asked - len(progress.good))] += 1

    async def _generate(
        self, product: Product, unfinished: Sequence[_Progress], queries: Sequence[Query], round_number: int
    ) -> list[Query]:
        """Run all generators at once, and each to its end: answers that one of them paid for are journaled even if
        another one fails.
        """
        calls = [self._generate_one(product, progress, queries, round_number) for progress in unfinished]
        results = await asyncio.gather(*calls, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        # Stopped first: a product that the end of the run caught is pending, whatever else went wrong with it.
        for error in sorted(errors, key=lambda error: not isinstance(error, Stopped)):
            raise error
        return [query for result in results if not isinstance(result, BaseException) for query in result]

    async def _generate_one(
        self, product: Product, progress: _Progress, queries: Sequence[Query], round_number: int
    ) -> list[Query]:
        stage, component = progress.stage, progress.stage.component
        want = self._want(progress, queries, round_number)
        progress.ask.start_round(round_number, want.count)
        try:
            with component.guard:
                made = list(await component.instance.generate(product, want, progress.ask))
        except AnswerError as error:
            # A refill that fails leaves the product short, not failed; so does content that the model refuses.
            if round_number == 0 and error.kind != "blocked":
                raise
            progress.ended = "facts" if error.kind == "empty" else error.kind
            return []
        if not all(map(_is_query, made)):
            raise component.guard.violation("it must return queries")
        progress.whole = progress.ask.whole
        progress.produced += len(made)
        if progress.ask.loops:
            progress.ended = "loop"
        elif progress.ask.short and len(made) < want.count:
            progress.ended = "facts"
        return [_from(query, stage, round_number) for query in made]

    def _want(self, progress: _Progress, queries: Sequence[Query], round_number: int) -> Want:
        """The first time more than `count`, because some will be dropped; then just as generously what is missing."""
        stage = progress.stage
        if round_number == 0:
            return Want(query_type=stage.query_type, count=stage.asked)
        count = with_spare(progress.shortfall) if self.postprocessors else progress.shortfall
        return Want(
            query_type=stage.query_type,
            count=count,
            accepted=tuple(query.text for query in queries if not query.dropped),
            round=round_number,
            missing=missing_by_sub_type(stage.plan, progress.good, count),
            dropped={query.text: query.dropped or "" for query in progress.dropped[-_TOLD:]},
        )

    async def _postprocess(self, product: Product, queries: list[Query], park: Callable[[], None]) -> list[Query]:
        for stage in self.postprocessors:
            component = stage.component
            # A new `BoundAsk` in every round: the queries differ each time, so requests are keyed by their own text.
            ask = BoundAsk(self.model_client, stage.asker, product.key, park=park)
            with component.guard:
                processed = list(await component.instance.process(product, queries, ask))
            if len(processed) != len(queries) or not all(map(_is_query, processed)):
                raise component.guard.violation("it must return the queries that it was given, changed or not")
            queries = processed
        return queries


def _from(made: Query, stage: GeneratorStage, round_number: int) -> Query:
    """`made` with its place in the job. Spelled out because `dataclasses.replace` takes four times as long."""
    return Query(
        text=made.text,
        query_type=stage.query_type,
        sub_type=made.sub_type,
        labels=made.labels,
        generator=stage.name,
        provider=made.provider,
        model=made.model,
        prompt_hash=made.prompt_hash,
        request_key=made.request_key,
        round=round_number,
        dropped=made.dropped,
    )


def _is_query(value: object) -> bool:
    return isinstance(value, Query) and all(
        isinstance(field, kind) for field, kind in ((value.text, str), (value.sub_type, str), (value.labels, Mapping))
    )


def _outcome(product: Product, entry: ManifestEntry, all_progress: Sequence[_Progress]) -> Outcome:
    """Exactly `count` queries of each generator, in the pipeline's order; good ones beyond that are dropped."""
    kept: list[Query] = []
    dropped: list[Query] = []
    for progress in all_progress:
        chosen, surplus = select(progress.good, progress.stage.plan, progress.stage.count)
        kept += chosen
        dropped += progress.dropped
        dropped += [replace(query, dropped=SURPLUS) for query in surplus]
    reasons = {progress.stage.name: progress.reason() for progress in all_progress if progress.shortfall}
    return Outcome(
        product_key=product.key,
        title=product.title,
        content_hash=entry.content_hash,
        outcome_key=entry.outcome_key,
        state="short" if reasons else "done",
        queries=tuple(kept),
        dropped=tuple(dropped),
        reasons=reasons,
        ordinal=entry.ordinal,
        refs=entry.refs,
        brand=product.brand,
        version=product.version,
    )
