"""What a plan puts in the place of the model: answers that are in the store, and a book of those that are not."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from dataclasses import astuple, dataclass, field
from hashlib import blake2b

from querygen_core.answers import Parsed, read_answer
from querygen_core.contracts.errors import AnswerError, AnswerFailure, Stopped
from querygen_core.contracts.journal import StoredAnswer
from querygen_core.contracts.records import Answer, Request, Usage
from querygen_core.engine.ask import tries_of
from querygen_core.engine.bound_ask import BoundAsk
from querygen_core.engine.model import Model, RequestKeys
from querygen_core.engine.model_call import ParsedResponse, as_answer
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.token_guess import TextSize, size_of
from querygen_core.journal.store_view import StoreView

COUNTED_PROMPTS = 100
"""Requests of a plan whose tokens a provider counts at most."""

ENOUGH = 20
"""Answers from which on they are relied on."""

_CACHE_KIB = 16_000


class SeenKeys:
    """The keys of a plan, in a database without a name: memory stays flat, and the disk gets it back at the end."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=OFF",
            f"PRAGMA cache_size=-{_CACHE_KIB}",
            "CREATE TABLE products(key BLOB PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID",
            "CREATE TABLE requests(key BLOB PRIMARY KEY) WITHOUT ROWID",
            "BEGIN",
        ):
            self._db.execute(statement)

    def content_of(self, product_key: str, content_hash: str) -> str | None:
        """The content that the product had when it was first seen; None: that is now."""
        key = _short(product_key)
        row = self._db.execute("SELECT content FROM products WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return str(row[0].hex())
        self._db.execute("INSERT INTO products VALUES (?, ?)", (key, bytes.fromhex(content_hash)))
        return None

    def add(self, request_key: str) -> bool:
        """Whether the request is seen for the first time."""
        row = (bytes.fromhex(request_key)[:16],)
        return self._db.execute("INSERT OR IGNORE INTO requests VALUES (?)", row).rowcount > 0

    def close(self) -> None:
        self._db.close()


def _short(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(slots=True)
class Figures:
    """What calls have used, one after the other."""

    calls: int = 0
    questions: int = 0
    """That were asked for."""
    input: float = 0.0
    """Tokens."""
    measure: float = 0.0
    """`TextSize.tokens` of what was sent."""
    output: float = 0.0
    """Tokens, without reasoning."""
    squares: float = 0.0
    """Sum of the squares of each call's output and reasoning."""
    thinking: float = 0.0
    """Tokens."""
    tries: int = 0
    """Answers to these requests, unusable ones included."""

    def add(self, usage: Usage, measure: float, tries: int, questions: int) -> None:
        output, thinking = usage.output or 0, usage.thinking or 0
        self.calls += 1
        self.questions += questions
        self.tries += tries
        self.input += usage.input or 0
        self.measure += measure
        self.output += output
        self.squares += (output + thinking) ** 2
        self.thinking += thinking

    def __add__(self, other: Figures) -> Figures:
        return Figures(*map(sum, zip(astuple(self), astuple(other), strict=True)))


@dataclass(slots=True)
class Line:
    """The requests of one generator, or postprocessor, to one model."""

    asker: str
    """As messages call it."""
    model: Model
    """The model that is asked."""
    questions: int = 0
    """That a first request asks for."""
    has_spare: bool = True
    """Whether that is a few more than are wanted."""
    example: Request | None = None
    """One of the requests."""
    new: int = 0
    """Requests that the store has no answer to."""
    known: int = 0
    """Requests for which nothing is paid: they are answered, or the same one is asked for another product."""
    first: TextSize = field(default_factory=TextSize)
    """Of the new first requests together."""
    first_new: int = 0
    """Number of these."""
    refill: TextSize = field(default_factory=TextSize)
    """Of the new refills together, as far as they can be known."""
    refills_new: int = 0
    """Number of these."""
    refills: int = 0
    """All refills of the products in `explored`."""
    explored: int = 0
    """Products whose first requests are all answered, so that it is known which of them need refills."""
    explored_new: int = 0
    """Those of them that need an outcome."""
    open_new: int = 0
    """Other products, whose first request is new."""
    open_known: int = 0
    """Other products, whose first request is answered."""
    answered: Figures = field(default_factory=Figures)
    """First requests that are in the store."""
    answered_refills: Figures = field(default_factory=Figures)
    """Refills that are in the store."""
    picked: list[Request] = field(default_factory=list)
    """Some of the new first requests, each as likely as the others."""

    @property
    def is_known(self) -> bool:
        """Whether enough answers tell what its requests use."""
        return self.answered.calls >= ENOUGH

    def repeat(self, products: int, rendered: int) -> None:
        """Count so many further products as if their requests were as those of the rendered ones."""
        if products and rendered:
            share = self.open_new / rendered
            more = round(share * products)
            self.first = self.first + self.first.times(more / max(1, self.first_new))
            self.new, self.first_new, self.open_new = self.new + more, self.first_new + more, self.open_new + more

    def add_new(self, request: Request, size: TextSize, dice: random.Random, *, is_refill: bool) -> None:
        self.new += 1
        if is_refill:
            self.refill, self.refills_new = self.refill + size, self.refills_new + 1
            return
        self.first, self.first_new = self.first + size, self.first_new + 1
        if len(self.picked) < COUNTED_PROMPTS:
            self.picked.append(request)
        elif (place := dice.randrange(self.first_new)) < COUNTED_PROMPTS:
            self.picked[place] = request


@dataclass(frozen=True, slots=True)
class _Found:
    """An answer in the store that can be used."""

    answer: StoredAnswer
    parsed: Parsed


@dataclass(slots=True)
class PlannedAnswers:
    """Answers what is in the store, and nothing else: whoever asks more gets `Stopped`. Implements `Answers`."""

    keys: RequestKeys
    """The run's own."""
    store: StoreView
    """The answers that are there."""
    seen: SeenKeys
    """The requests so far."""
    read_on: int
    """Number of products whose answers are read, which shows what refills they need; of others only whether they have
    any.
    """
    known_products: set[str] = field(default_factory=set)
    """Products that need nothing: what they have asked is not counted, but shows what others will use."""
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    """By asker and name of the model."""
    stats: RunStats = field(default_factory=RunStats)
    _first: defaultdict[str, list[tuple[Line, bool]]] = field(default_factory=lambda: defaultdict(list))
    """Product under way → the lines of its first requests, and whether each is new."""
    _stopped: set[str] = field(default_factory=set)
    """Products under way that lack an answer to a first request."""
    _dice: random.Random = field(default_factory=lambda: random.Random(0))

    def key(self, request: Request, edition: str | None = None) -> str:
        return self.keys.key(request, edition)

    async def ask(self, request: Request, key: str, origin: BoundAsk) -> Answer:
        """The answer that a run would find.

        Raises:
            AnswerError: the store has unusable ones only, and a run would not ask again. Stopped: a run would ask.
        """
        line, size = self._line(request, origin), size_of(request)
        is_counted, is_refill = origin.product_key not in self.known_products, origin.round > 0
        is_first_time = self.seen.add(key)
        found = await self._find(request, key)
        is_new = found is None
        if is_refill:
            line.refills += 1
        else:
            self._first[origin.product_key].append((line, is_new))
        if is_new and is_first_time:
            if is_counted:
                line.add_new(request, size, self._dice, is_refill=is_refill)
        else:
            line.known += is_counted
        if found is None or (self.read_on <= 0 and not is_refill):
            if not is_refill:
                self._stopped.add(origin.product_key)
            raise Stopped("this is a plan")
        if not isinstance(found, _Found):
            raise AnswerError(found, "there is no usable answer")
        figures = line.answered_refills if is_refill else line.answered
        figures.add(found.answer.response.usage, size.tokens, found.answer.number + 1, origin.wanted)
        return as_answer(found.parsed, found.answer.response, line.model, key, from_journal=True)

    async def _find(self, request: Request, key: str) -> _Found | AnswerFailure | None:
        """The answer that a run would use; why there is none, if it would not ask again; None if it would ask."""
        stored = await self.store.answers(key)
        for answer in stored:
            if isinstance(parsed := read_answer(answer.response, request.schema), Parsed):
                return _Found(answer, parsed)
        ours = [answer for answer in stored if answer.ours]
        if not ours:
            return None
        last = ours[-1].response
        received = ParsedResponse(last, read_answer(last, request.schema))
        return received.failure if len(ours) >= self.store.tries(key) + tries_of(received) else None

    def _line(self, request: Request, origin: BoundAsk) -> Line:
        model = self.keys.model(request)
        line = self.lines.setdefault((origin.asker.name, model.name), Line(origin.asker.name, model))
        if origin.round == 0 and line.example is None:
            line.example, line.questions = request, origin.wanted
        return line

    def finish(self, product_key: str) -> None:
        """Take into account what has become of a product."""
        first = self._first.pop(product_key, [])
        is_known = product_key in self.known_products
        self.known_products.discard(product_key)
        if product_key not in self._stopped:
            self.read_on -= not is_known
            for line, _ in first:
                line.explored += 1
                line.explored_new += not is_known
            return
        self._stopped.discard(product_key)
        if not is_known:
            for line, is_new in first:
                line.open_new += is_new
                line.open_known += not is_new
