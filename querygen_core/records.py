"""The records that travel: frozen, slotted, made of plain values, so that each can be journaled as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from querygen_core.canonical import digest, digest_of_texts, plain

State = Literal["done", "short", "rejected", "duplicate", "failed", "pending"]

VOLATILE = ("price", "currency", "availability", "condition", "rating", "review_count", "url", "image_urls", "tags")
"""Product fields that change without the product changing: a prompt sees them only if it declares them."""

_IDENTITY = ("product_id", "source", "raw_ref", "refs", "sku")


def product_key(source: str, product_id: str, locale: str) -> str:
    """`source:product_id:locale`, `%` and `:` in a part percent-escaped, so that no two products share a key."""
    return ":".join(part.replace("%", "%25").replace(":", "%3A") for part in (source, product_id, locale))


def split_key(key: str) -> tuple[str, str, str]:
    """The (source, product_id, locale) that `product_key` was made of."""
    source, product_id, locale = (part.replace("%3A", ":").replace("%25", "%") for part in key.split(":"))
    return source, product_id, locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One cleaned input record. Absent text is "", absent lists are (), absent numbers are None.

    price: in units of `currency` (ISO 4217), not cents. rating: on the source's own scale. attributes and
    variant_options: name → value(s), in the source's order. refs: integer ids of databases, by the identity of the
    database, never hashed, never in a prompt. raw_ref: where the record came from, as `file:line`.
    """

    product_id: str
    title: str
    source: str = "default"
    locale: str = "en"
    description: str = ""
    brand: str = ""
    manufacturer: str = ""
    category_path: tuple[str, ...] = ()
    product_type: str = ""
    gtin: str = ""
    mpn: str = ""
    sku: str = ""
    bullet_points: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    variant_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    audience: str = ""
    competitors: tuple[str, ...] = ()
    price: Decimal | None = None
    currency: str = ""
    availability: str = ""
    condition: str = ""
    rating: float | None = None
    review_count: int | None = None
    url: str = ""
    image_urls: tuple[str, ...] = ()
    refs: Mapping[str, int] = field(default_factory=dict)
    raw_ref: str = ""

    @property
    def key(self) -> str:
        """`source:product_id:locale`: what makes two records the same product."""
        return product_key(self.source, self.product_id, self.locale)

    def visible(self, volatile: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The fields a prompt may see, as plain values; fields of `VOLATILE` only where `volatile` names them."""
        hidden = {*_IDENTITY, *(name for name in VOLATILE if name not in volatile)}
        return {name: plain(getattr(self, name)) for name in self.__slots__ if name not in hidden}

    def content_hash(self, volatile: frozenset[str] = frozenset()) -> str:
        """SHA-256 (hex) of what a prompt may see: equal content is the same work, whatever its price or stock."""
        return digest({"v": 1, **{name: value for name, value in self.visible(volatile).items() if value}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """An input record that cannot become a product. It ends `rejected` and in the dead letters.

    reason: a short stable code (`no_title`, `bad_json`). message: one sentence, what is wrong and what to do.
    file, line: where the record starts, line counted from 1. raw: the record as read, cut by the reader.
    key: the product's key if it is known.
    """

    reason: str
    message: str
    file: str = ""
    line: int | None = None
    raw: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question.

    query_type: `product` or `market` (or what the config names). labels: what else the model said of it (facet,
    persona, stage, brand_mode). generator … request_key: provenance, filled in by whoever made it; the engine sets
    generator, query_type and round. round: 0 for the first request, 1… for refills. dropped: None, or
    `component/reason` of the postprocessor that dropped it.
    """

    text: str
    query_type: str = ""
    sub_type: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    generator: str = ""
    provider: str = ""
    model: str = ""
    prompt_hash: str = ""
    request_key: str = ""
    round: int = 0
    dropped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a generator is asked for: `count` questions beyond `accepted`, which are good already.

    round: 0 at first, then one more per refill. missing: sub_type → how many more, where the prompt's plan says so;
    empty when the plan does not matter.
    """

    query_type: str
    count: int
    accepted: tuple[str, ...] = ()
    round: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to a model. Its key is a hash of all of it and of the model's provider and parameters.

    model: the name under `models:`. schema: JSON Schema of the wanted answer, or None for text. parameters: the
    prompt's hints (`temperature`, `max_output_tokens`, …), which the provider's own options override.
    """

    model: str
    prompt: str
    system: str = ""
    schema: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as billed; None where the provider does not say.

    input includes `cached`. output excludes `thinking`, which is billed as output.
    """

    input: int | None = None
    output: int | None = None
    thinking: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a model answered, before anything is made of it.

    finish: `stop` (whole) · `length` (cut at the token limit) · `blocked` (refused for its content) · `other`.
    reason: the provider's own word for `finish`. model_version: what really ran. response_id: the provider's id.
    """

    text: str
    finish: Literal["stop", "length", "blocked", "other"] = "stop"
    reason: str = ""
    model_version: str = ""
    response_id: str = ""
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A usable answer, durable in the journal before anybody sees it.

    value: the answer by the schema, or its text if the request had none. rung: the step of the parsing ladder that
    read it. whole: False if it was cut and only its complete items are here. from_journal: nothing was paid now.
    """

    value: Any
    rung: str
    whole: bool
    response: Response
    request_key: str
    provider: str
    model: str
    from_journal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One product's result in a job. Sinks make what they hold for the product equal to `queries`.

    state: `done` or `short`. reasons: generator → why it fell short. queries: kept, in order. dropped: with reasons.
    ordinal: the product's place in the input, from 0. refs: database ids. brand: the product's, "" if unknown. None of
    the three is part of the outcome's key.
    """

    product_key: str
    title: str
    content_hash: str
    outcome_key: str
    state: State
    queries: tuple[Query, ...]
    dropped: tuple[Query, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    ordinal: int = 0
    refs: Mapping[str, int] = field(default_factory=dict)
    brand: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """(source, product_id, locale) of the product."""
        return split_key(self.product_key)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the kept set: type and text of each query, in order."""
        return digest_of_texts([text for query in self.queries for text in (query.query_type, query.text)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a sink did for one product, counted in queries.

    delivered: newly written. unchanged: already there. retired: withdrawn, because the outcome no longer has them.
    backup: written to the sink's backup place instead. error: why nothing of this product could be stored, for good;
    it becomes a dead letter and the other products go on.
    """

    product_key: str
    delivered: int = 0
    unchanged: int = 0
    retired: int = 0
    backup: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, journaled in the commit of what it tells. `seq` orders and identifies facts of a job.

    kind: `run_started`, `input_read`, `stage_finished`, `call_failed`, `product_rejected`, `product_failed`,
    `delivery_failed`, `secret_reloaded`, `draining`, `run_finished`. time: ISO 8601, UTC. attempt: number of the run,
    from 1. data: plain JSON values.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    job_id: str = ""
    attempt: int = 0
    shard: int = 0
    seq: int = 0
    time: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looking at a database found, one line.

    level: `missing` (the job cannot work without it, and `init` makes it) · `advice` (works, but better otherwise).
    message: names the thing and, for advice, says what to do.
    """

    level: Literal["missing", "advice"]
    message: str


@dataclass(frozen=True, slots=True)
class ResultSet:
    """What a statement returned: the columns' names and, row by row, one value for each of them.

    Values are shown as JSON has them, SQL's null as None; what JSON lacks (Decimal, dates, UUIDs) by its `str`.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
