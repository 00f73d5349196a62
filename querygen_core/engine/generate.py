"""One product at a time: ask its generators, let the postprocessors judge, ask again for the shortfall only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from querygen_core.canonical import digest
from querygen_core.engine.ask import Asker, Conversation
from querygen_core.errors import AnswerError, PluginError, QuerygenError, Stopped
from querygen_core.journal.interface import Entry
from querygen_core.records import Outcome, Product, Query, Want

SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Source:
    """A generator with its place in the pipeline. fingerprint: what its queries depend on."""

    name: str
    use: str
    query_type: str
    count: int
    generator: Any
    fingerprint: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    name: str
    use: str
    postprocessor: Any
    fingerprint: Mapping[str, Any]


@dataclass(slots=True)
class _Progress:
    """What one generator has made of one product so far. ended: why it will not be asked again."""

    source: Source
    ask: Conversation
    produced: int = 0
    kept: int = 0
    whole: bool = True
    ended: str | None = None

    @property
    def missing(self) -> int:
        return max(0, self.source.count - self.kept)

    def reason(self) -> str:
        if self.ended:
            return self.ended
        if not self.whole:
            return "cut"
        return "filters" if self.produced >= self.source.count else "facts"


def recipe_key(sources: Sequence[Source], filters: Sequence[Filter], refill_rounds: int) -> str:
    """A hash of all that an outcome depends on beside its product."""
    generators = [
        {"name": one.name, "query_type": one.query_type, "count": one.count, **one.fingerprint} for one in sources
    ]
    return digest({
        "v": 1, "generators": generators, "postprocessors": [one.fingerprint for one in filters],
        "refill_rounds": refill_rounds,
    })  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a product becomes an outcome: a pure function of its outcome key and the answers in the journal."""

    key: str
    sources: Sequence[Source]
    filters: Sequence[Filter]
    refill_rounds: int
    asker: Asker

    def outcome_key(self, product: Product, content_hash: str) -> str:
        return digest({"v": 1, "product": product.key, "content": content_hash, "recipe": self.key})

    async def make(self, product: Product, entry: Entry) -> Outcome:
        """The product's outcome. Raises whatever makes it `failed`, or Stopped."""
        progress = [_Progress(source, Conversation(self.asker)) for source in self.sources]
        queries: list[Query] = []
        for number in range(self.refill_rounds + 1):
            asked = [one for one in progress if one.missing and not one.ended]
            if not asked:
                break
            fresh = await self._generate(product, asked, queries, number)
            queries = await self._filter(product, [*queries, *fresh])
            for one in progress:
                one.kept = sum(query.generator == one.source.name and not query.dropped for query in queries)
        return _outcome(product, entry, progress, queries)

    async def _generate(
        self, product: Product, asked: Sequence[_Progress], queries: Sequence[Query], number: int
    ) -> list[Query]:
        """All generators at once. One that fails does not take back what another was paid for."""
        tasks = [self._generate_one(product, one, queries, number) for one in asked]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in sorted(errors, key=lambda error: not isinstance(error, Stopped)):
            raise error
        return [query for result in results if not isinstance(result, BaseException) for query in result]

    async def _generate_one(
        self, product: Product, one: _Progress, queries: Sequence[Query], number: int
    ) -> list[Query]:
        source = one.source
        accepted = tuple(query.text for query in queries if query.generator == source.name and not query.dropped)
        want = Want(query_type=source.query_type, count=one.missing, accepted=accepted, round=number)
        one.ask.start_round(number)
        try:
            made = list(await source.generator.generate(product, want, one.ask))
        except AnswerError as error:
            if number == 0 and error.kind != "blocked":
                raise
            one.ended = "facts" if error.kind == "empty" else error.kind
            return []
        except (QuerygenError, asyncio.CancelledError):
            raise
        except (Exception, SystemExit) as exc:
            raise PluginError(f"generator {source.use!r} failed: {type(exc).__name__}: {exc}") from exc
        if not all(map(_is_query, made)):
            raise PluginError(f"generator {source.use!r} broke its contract: it must return queries")
        one.whole = one.ask.whole
        one.produced += len(made)
        return [_from(query, source, number) for query in made]

    async def _filter(self, product: Product, queries: list[Query]) -> list[Query]:
        for step in self.filters:
            try:
                processed = list(await step.postprocessor.process(product, queries, Conversation(self.asker)))
            except (QuerygenError, asyncio.CancelledError):
                raise
            except (Exception, SystemExit) as exc:
                raise PluginError(f"postprocessor {step.use!r} failed: {type(exc).__name__}: {exc}") from exc
            if len(processed) != len(queries) or not all(map(_is_query, processed)):
                message = f"postprocessor {step.use!r} broke its contract: it must return the queries it was given"
                raise PluginError(message)
            queries = processed
        return queries


def _from(made: Query, source: Source, number: int) -> Query:
    """`made` with its place in the job; what `dataclasses.replace` does takes four times as long."""
    return Query(
        text=made.text, query_type=source.query_type, sub_type=made.sub_type, labels=made.labels,
        generator=source.name, provider=made.provider, model=made.model, prompt_hash=made.prompt_hash,
        request_key=made.request_key, round=number, dropped=made.dropped,
    )  # fmt: skip


def _is_query(given: object) -> bool:
    fields = (("text", str), ("sub_type", str), ("labels", Mapping))
    return isinstance(given, Query) and all(isinstance(getattr(given, name), kind) for name, kind in fields)


def _outcome(product: Product, entry: Entry, progress: Sequence[_Progress], queries: Sequence[Query]) -> Outcome:
    """Exactly `count` of each generator, in the pipeline's order; what is beyond is dropped as surplus."""
    kept: list[Query] = []
    dropped: list[Query] = []
    for one in progress:
        own = [query for query in queries if query.generator == one.source.name]
        good = [query for query in own if not query.dropped]
        kept += good[: one.source.count]
        dropped += [query for query in own if query.dropped]
        dropped += [replace(query, dropped=SURPLUS) for query in good[one.source.count :]]
    reasons = {one.source.name: one.reason() for one in progress if one.missing}
    return Outcome(
        product_key=product.key, title=product.title, content_hash=entry.content_hash, outcome_key=entry.outcome_key,
        state="short" if reasons else "done", queries=tuple(kept), dropped=tuple(dropped), reasons=reasons,
        ordinal=entry.ordinal, refs=entry.refs, brand=product.brand,
    )  # fmt: skip
