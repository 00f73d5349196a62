"""The records that pass between components: frozen and made of plain values, so that each can be journaled as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from querygen_core.contracts.canonical import digest, digest_of_texts, plain

State = Literal["done", "short", "rejected", "duplicate", "failed", "deleted", "pending"]

VOLATILE = ("price", "currency", "availability", "condition", "rating", "review_count", "url", "image_urls", "tags")
"""Product fields that change without the product changing: a prompt sees them only if it declares them."""

_IDENTITY = ("product_id", "source", "raw_ref", "refs", "sku", "version")


def product_key(source: str, product_id: str, locale: str) -> str:
    """`source:product_id:locale`; `%` and `:` in a part are percent-encoded, so that no two products share a key."""
    return ":".join(part.replace("%", "%25").replace(":", "%3A") for part in (source, product_id, locale))


def split_key(key: str) -> tuple[str, str, str]:
    """The (source, product_id, locale) from which `product_key` made the key."""
    source, product_id, locale = (part.replace("%3A", ":").replace("%25", "%") for part in key.split(":"))
    return source, product_id, locale


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One cleaned input record. Absent text is "", absent lists are (), absent numbers are None."""

    product_id: str
    """The source's own id."""
    title: str
    """The name that a shopper reads."""
    source: str = "default"
    """The catalogue that the record is from; `product_id` is unique in it."""
    locale: str = "en"
    """Language of the record as BCP 47, such as `en` or `de-AT`."""
    description: str = ""
    """Running text, without markup."""
    brand: str = ""
    """The brand as the source writes it."""
    manufacturer: str = ""
    """The maker, where the source tells it apart from the brand."""
    category_path: tuple[str, ...] = ()
    """Categories from the widest to the narrowest."""
    product_type: str = ""
    """The source's own word for the kind of product."""
    gtin: str = ""
    """Global trade item number, digits only."""
    mpn: str = ""
    """Manufacturer's part number."""
    sku: str = ""
    """The shop's stock number; no prompt sees it."""
    bullet_points: tuple[str, ...] = ()
    """Selling points, in the source's order."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Name → value, in the source's order."""
    variant_options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of an option (such as `colour`) → its values, in the source's order."""
    tags: tuple[str, ...] = ()
    """The source's labels. One of `VOLATILE`."""
    audience: str = ""
    """Whom the product is for."""
    competitors: tuple[str, ...] = ()
    """Names of competing products or brands."""
    price: Decimal | None = None
    """In units of `currency`, not cents. One of `VOLATILE`."""
    currency: str = ""
    """ISO 4217 code of `price`. One of `VOLATILE`."""
    availability: str = ""
    """Such as `in_stock`. One of `VOLATILE`."""
    condition: str = ""
    """Such as `new` or `used`. One of `VOLATILE`."""
    rating: float | None = None
    """Average rating on the source's own scale. One of `VOLATILE`."""
    review_count: int | None = None
    """Number of reviews behind `rating`. One of `VOLATILE`."""
    url: str = ""
    """Address of the product page. One of `VOLATILE`."""
    image_urls: tuple[str, ...] = ()
    """Addresses of pictures. One of `VOLATILE`."""
    refs: Mapping[str, int] = field(default_factory=dict)
    """Identity of a database → the product's integer id there. Never hashed, never in a prompt."""
    raw_ref: str = ""
    """Where the record came from, as `file:line`. Never hashed, never in a prompt."""
    version: int = 0
    """Grows with every change at the source; 0 if the source counts none. Never hashed, never in a prompt."""

    @property
    def key(self) -> str:
        """`source:product_id:locale`: two records with the same key are the same product."""
        return product_key(self.source, self.product_id, self.locale)

    def visible(self, volatile: frozenset[str] = frozenset()) -> dict[str, Any]:
        """The fields that a prompt may see, as plain JSON. volatile: the fields of `VOLATILE` to include."""
        hidden = {*_IDENTITY, *(name for name in VOLATILE if name not in volatile)}
        return {name: plain(getattr(self, name)) for name in self.__slots__ if name not in hidden}

    def content_hash(self, volatile: frozenset[str] = frozenset()) -> str:
        """SHA-256 (hex) of the fields that a prompt may see. Equal hash, equal work, whatever the price or stock."""
        return digest({"v": 1, **{name: value for name, value in self.visible(volatile).items() if value}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """An input record that cannot become a product. It ends `rejected` and in the dead letters."""

    reason: str
    """A short stable code, such as `no_title` or `bad_json`."""
    message: str
    """One sentence: what is wrong and what to do."""
    file: str = ""
    """Where the record was read from; "" if that is not known."""
    line: int | None = None
    """Line in `file` where the record starts, from 1; None if that is not known."""
    raw: str = ""
    """The record as read, cut by the reader."""
    key: str = ""
    """The product's key, if it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question. `generator`, `query_type` and `round` are filled in by the engine, the rest by its maker."""

    text: str
    """The question itself."""
    query_type: str = ""
    """`product` or `market`, or another type that the config names."""
    sub_type: str = ""
    """The topic within the type, such as `features`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels: those that postprocessors derive, such as brand_mode, and those that the model was asked for."""
    generator: str = ""
    """Name of the generator in the config."""
    provider: str = ""
    """`plugin/component` of the provider; "" if no model was asked."""
    model: str = ""
    """The model version that answered; "" if no model was asked."""
    prompt_hash: str = ""
    """Hash of the prompt's files; "" if there was no prompt."""
    request_key: str = ""
    """Key of the request whose answer it is from; "" if no model was asked."""
    round: int = 0
    """0 for the first request, then one more per refill."""
    dropped: str | None = None
    """`component/reason` of the postprocessor that dropped it; None while it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """The request to a generator."""

    query_type: str
    """The type of query, `product` or `market` or what the config names."""
    count: int
    """Number of questions to ask for, beyond `accepted`. More than are missing where some will be dropped."""
    accepted: tuple[str, ...] = ()
    """The questions for this product that are good already, of all generators."""
    round: int = 0
    """0 at first, then one more per refill."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """sub_type → how many of `count`, set in refills of a generator that has a plan; empty if no plan matters."""
    dropped: Mapping[str, str] = field(default_factory=dict)
    """Text → reason of the generator's questions that were dropped, at most the newest 50, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to a model. Its key is a hash of all of it and of the model's provider and parameters."""

    model: str
    """The name under `models:`."""
    prompt: str
    """The rendered text of the user's role."""
    system: str = ""
    """The rendered text of the system's role; "" for none."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the wanted answer; None for text."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The prompt's hints (`temperature`, `max_output_tokens`, …); the provider's own options override them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call as billed; None where the provider does not say."""

    input: int | None = None
    """Tokens sent, `cached` ones included."""
    output: int | None = None
    """Tokens of the answer, without `thinking`."""
    thinking: int | None = None
    """Tokens of reasoning, billed as output."""
    cached: int | None = None
    """Tokens of `input` that the provider had already."""
    estimated: bool = False
    """The provider left out some of it, which querygen has estimated. Set by querygen alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A model's answer as the provider gave it, before it is parsed."""

    text: str
    """The whole text of the answer."""
    finish: Literal["stop", "length", "blocked", "other", "refused", "failed"] = "stop"
    """`stop` (whole) · `length` (cut at the token limit) · `blocked` (refused for its content) · `other`. The engine
    alone writes `refused` (the provider does not take the request) and `failed` (it could not be reached for it): notes
    that keep a request from being sent in every run, for which nothing was paid.
    """
    reason: str = ""
    """The provider's own word for `finish`."""
    model_version: str = ""
    """The exact model that answered, as the provider names it."""
    response_id: str = ""
    """The provider's id of the answer."""
    usage: Usage = field(default_factory=Usage)
    """Tokens as billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A usable answer, durable in the journal before anybody sees it."""

    value: Any
    """The answer as JSON by the request's schema; its text if the request had none."""
    rung: str
    """How it could be read, from `strict` to `partial`; see `answers/read.py`."""
    whole: bool
    """False if the answer was cut, and only its complete items are here."""
    response: Response
    """The answer as the provider gave it."""
    request_key: str
    """Key under which the journal keeps it."""
    provider: str
    """`plugin/component` of the provider."""
    model: str
    """The provider's id of the model, as configured."""
    from_journal: bool
    """It was paid for earlier; nothing was paid now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One product's result in a job. Sinks make what they hold for the product equal to `queries`."""

    product_key: str
    """`source:product_id:locale` of the product."""
    title: str
    """The product's title."""
    content_hash: str
    """`Product.content_hash`."""
    outcome_key: str
    """SHA-256 (hex) of everything that the outcome depends on; the same key is never worked on again."""
    state: State
    """`done`, or `short` if a generator did not reach its count. Without queries: `deleted` if the source has withdrawn
    the product; `failed`, for snapshots only, if it has never had an outcome: what the sink holds for it stays.
    """
    queries: tuple[Query, ...]
    """The good ones, in the order of the config's generators."""
    dropped: tuple[Query, ...] = ()
    """The others, with the reason in `Query.dropped`."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Name of a generator that fell short → `facts`, `filters`, `cut`, `loop`, `blocked`, `broken` or `refused`."""
    ordinal: int = 0
    """The product's place in the input, from 0. Not in the outcome key."""
    refs: Mapping[str, int] = field(default_factory=dict)
    """`Product.refs`. Not in the outcome key."""
    brand: str = ""
    """The product's brand, "" if unknown. Not in the outcome key by itself."""
    version: int = 0
    """`Product.version`. A sink refuses a version lower than the one that it holds. Not in the outcome key."""

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
    """A sink's work for one product, counted in queries."""

    product_key: str
    """The product of the outcome that this answers."""
    delivered: int = 0
    """Newly written."""
    unchanged: int = 0
    """Already there."""
    retired: int = 0
    """Withdrawn, because the outcome no longer has them."""
    displaced: int = 0
    """Of other jobs for the same product, switched off in favour of these. None of them is in `retired`."""
    backup: int = 0
    """Written to the sink's backup place instead."""
    held: int = 0
    """Of a sample and not written, because the sink already holds active queries of that product and type."""
    error: str | None = None
    """Why nothing of this product can ever be stored: it becomes a dead letter, other products go on. None: stored."""
    constraint: str = ""
    """With `error`: the rule of the sink's store that the product breaks, such as a database's constraint; "" if it has
    no name.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, journaled in the same commit as its effect."""

    kind: str
    """`run_started`, `input_read`, `stage_finished`, `call_failed`, `product_rejected`, `product_failed`,
    `product_refused`, `products_removed`, `delivery_failed`, `secret_reloaded`, `draining` or `run_finished`.
    """
    data: Mapping[str, Any] = field(default_factory=dict)
    """Details of the kind, as plain JSON values."""
    job_id: str = ""
    """The job it happened in."""
    attempt: int = 0
    """Number of the run, from 1."""
    shard: int = 0
    """Index of the shard, from 0."""
    seq: int = 0
    """Orders and identifies the events of one shard of a job, from 1."""
    time: str = ""
    """When it was journaled: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that inspecting a database has found."""

    level: Literal["missing", "advice"]
    """`missing` (the job cannot work without it, and `init` creates it) · `advice` (works, but could be better)."""
    message: str
    """One line that names the thing and, for advice, says what to do."""


@dataclass(frozen=True, slots=True)
class ResultSet:
    """The result of a statement."""

    columns: tuple[str, ...]
    """Names of the columns; two may be equal."""
    rows: Sequence[Sequence[object]]
    """One value for each column in each row. SQL's null is None; types that JSON lacks (Decimal, dates, UUIDs) are
    printed by their `str`.
    """


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object in a store."""

    body: bytes
    """Its whole content."""
    etag: str
    """Tells this content from any other that the object has had."""
    age: float
    """Seconds since its last write, by the store's clock."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a listing."""

    url: str
    """The object's URL."""
    written: datetime
    """Time of its last write by the store's clock, in UTC."""
