"""A plugin whose parts do as their options say. Tests install it for the processes they start."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from pydantic import Field

from querygen_core.api import (
    Capabilities,
    Component,
    Finding,
    InputError,
    MissingInput,
    Options,
    Product,
    ProviderError,
    Query,
    Receipt,
    Response,
    ResultSet,
    Secret,
    SinkError,
    Usage,
    UsageError,
    hookimpl,
)

querygen_api = 1

KINDS = {
    "int": 1,
    "float": 2.5,
    "bool": True,
    "nan": float("nan"),
    "decimal": Decimal("1.50"),
    "date": date(2026, 11, 23),
    "bytes": b"\x00\xff",
    "json": {"a": [None, "é"]},
    "null": None,
}
"""A value of each kind that a database has."""

SPOKEN = [f"What is good about it in way {number}?" for number in range(3)]


def _note(what: str) -> None:
    """One more byte tells the test how far it is."""
    with Path(what).open("a") as file:
        file.write("x")


class ModelOptions(Options):
    not_in_key = frozenset({"says", "says_in", "about", "seconds", "priced"})

    says: str = Field("questions", description="`questions`, a text, or how to fail.")
    says_in: str = Field("", description="A file that says it instead.")
    about: str = Field("", description="A text: prompts without it get questions, whatever the model says to others.")
    seconds: float = Field(0, description="How long a call takes.")
    key: Secret | None = Field(None, description="Used as a careless provider would.")
    priced: bool = Field(True, description="Whether its price, none, is known.")


class Model:
    limit_key = "lab"

    def __init__(self, options: ModelOptions) -> None:
        self.capabilities = Capabilities(free=options.priced, note="a note for the report")
        if options.says == "build":
            raise ZeroDivisionError("the model cannot be built")
        self.options = options

    async def check(self) -> None:
        if self.options.says == "check":
            raise ProviderError("auth", "the model knows no such key")

    async def complete(self, request: Any) -> Response:
        if self.options.seconds:
            _note("asked")
        await asyncio.sleep(self.options.seconds)
        says = self._says() if self.options.about in request.prompt else "questions"
        key = self.options.key.reveal() if self.options.key else ""
        if self.options.says == "echo":
            raise ProviderError("auth", f"no way by {self.options.about}, {unquote(self.options.about)}")
        if says in ("auth", "quota", "retry", "bad_request", "blocked"):
            raise ProviderError(says, f"the model says {says} to key={key}, and Bearer {key}")
        if says == "hostile":
            raise ProviderError("quota", "\x1b[2J\n2026-11-23T12:00:00Z INFO [RUN] all is well \u2028 \u202e")
        if says in ("raise", "exit"):
            raise RuntimeError(f"a bug near {key}") if says == "raise" else SystemExit(0)
        if says == "noise":
            print("noise on standard output")
        key = await asyncio.to_thread(self.options.key.refresh, key) if says == "refresh" else key
        if says in {"questions", "noise", "refresh"}:
            says = json.dumps({"questions": [{"text": text} for text in SPOKEN]})
        return Response(text=says, usage=Usage(input=10, output=5))

    def _says(self) -> str:
        return Path(self.options.says_in).read_text() if self.options.says_in else self.options.says

    async def aclose(self) -> None: ...


class StoreOptions(Options):
    database: str = Field("", description="Identity of the database it lives in, if any.")
    store: str = Field("", description="How that behaves.")
    key: Secret | None = Field(None, description="Used as a careless database would.")


class Store:
    """A database: what was made is a file; a statement is the JSON that it returns. Writes down what it is asked."""

    def __init__(self, options: StoreOptions) -> None:
        self.identity = options.database
        self.options = options
        self.file = Path(f"{quote(options.database, safe='')}.made")

    def heed(self, asked: str) -> None:
        with Path("asked").open("a") as file:
            file.write(f"{asked} {self.identity}\n")
        store, key = self.options.store, self.options.key.reveal() if self.options.key else ""
        if store == "down":
            raise SinkError("retry", f"no connection to postgres://me:{key}@host/db")
        if store == "raise":
            raise ZeroDivisionError(f"a bug near {key}")
        if store == "exit":
            sys.exit(0)
        if store == "cancel":
            raise asyncio.CancelledError
        if store == "noise":
            print("noise on standard output")

    async def init(self) -> Any:
        self.heed("init")
        if self.options.store == "liar":
            return "table one"
        if self.file.exists():
            return []
        self.file.touch()
        return ["table one", "index \x1b[2J two"]

    async def inspect(self) -> Any:
        self.heed("inspect")
        if self.options.store == "liar":
            return [Finding("fatal", "table one")]  # type: ignore[arg-type]
        advice = [Finding("advice", "grant\nmore")] if self.options.store == "advice" else []
        return advice if self.file.exists() else [Finding("missing", "table one"), *advice]

    async def query(self, sql: str) -> Any:
        self.heed("query")
        if sql == "kinds":
            return ResultSet(tuple(KINDS), [tuple(KINDS.values())])
        if sql == "many":
            return ResultSet(("n", "text"), [(number, "é" * 50) for number in range(5_000)])
        if sql == "secret":
            key = self.options.key.reveal() if self.options.key else ""
            return ResultSet((f"c {key}",), [(f"v {key}",), ({"in": [key]},)])
        try:
            columns, *rows = json.loads(sql)
        except ValueError:
            raise UsageError(f"no statement: {sql}") from None
        return rows if self.options.store == "liar" else ResultSet(tuple(columns), rows)


class StoreWithoutQuery:
    init = inspect = Store.init
    identity = "half"


def open_store(options: StoreOptions) -> Any:
    if options.store == "half":
        return StoreWithoutQuery()
    return Store(options) if options.database else None


class ShelfOptions(StoreOptions):
    count: int = Field(3, description="How many products.")
    fails: str = Field("", description="How it fails after them.")


class Shelf:
    def __init__(self, options: ShelfOptions) -> None:
        self.options = options
        self.database = open_store(options)

    async def check(self) -> None:
        if self.options.fails == "check":
            raise InputError("the shelf is locked")

    def read(self) -> Any:
        for number in range(self.options.count):
            yield Product(product_id=str(number), title=f"Product {number}", raw_ref=f"shelf:{number + 1}")
        if self.options.fails == "broken":
            raise InputError("the shelf is broken")
        if self.options.fails == "raise":
            raise ZeroDivisionError("the shelf has a bug")
        if self.options.fails == "hang":
            time.sleep(600)


class SieveOptions(StoreOptions):
    fails: str = Field("", description="How it fails.")


class Sieve:
    def __init__(self, options: SieveOptions) -> None:
        self.options = options
        self.database = open_store(options)

    async def check(self) -> None:
        if self.options.fails == "check":
            raise ZeroDivisionError("the sieve has a bug")

    async def process(self, products: Any) -> Any:
        return products


class TableOptions(StoreOptions):
    path: str = Field(description="A file of JSON.")
    fails: str = Field("", description="How it fails.")
    password: Secret | None = Field(None, description="Used as a careless sink would.")


class Table:
    def __init__(self, options: TableOptions) -> None:
        self.options = options
        self.identity = options.path
        self.database = open_store(options)
        self.held: dict[str, list[str]] = {}
        if options.fails == "hang building":
            _note("hangs")
            time.sleep(600)

    async def check(self) -> None:
        if self.options.fails == "hang checking":
            _note("hangs")
            await asyncio.sleep(600)
        if self.options.fails == "check":
            raise SinkError("permanent", "there is no such table")

    async def apply(self, outcomes: Any) -> Any:
        fails, password = self.options.fails, self.options.password.reveal() if self.options.password else ""
        if fails in ("permanent", "auth"):
            raise SinkError(fails, f"cannot write with password={password} to postgres://me:{password}@host/db")
        if fails == "raise":
            raise ZeroDivisionError(f"a bug near {password}")
        if fails == "hang and block":
            _note("hangs")
            time.sleep(600)  # noqa: ASYNC251 - as it must not be
        if fails == "hang":
            _note("hangs")
            await asyncio.sleep(600)
        if fails == "refuse":
            return [Receipt(product_key=one.product_key, error=f"refused: {password}") for one in outcomes]
        if fails == "forget":
            return [Receipt(product_key=one.product_key) for one in outcomes]
        for one in outcomes:
            self.held[one.product_key] = [query.text for query in one.queries]
        return [Receipt(product_key=one.product_key, delivered=len(one.queries)) for one in outcomes]

    async def aclose(self) -> None:
        if self.options.fails == "hang closing":
            _note("hangs")
            await asyncio.sleep(600)
        self._write()

    def _write(self) -> None:
        Path(self.options.path).write_text(json.dumps(self.held))


class EarOptions(Options):
    path: str = Field(description="A file of JSON lines.")
    hangs: bool = Field(False, description="Whether it never comes back.")


class Ear:
    def __init__(self, options: EarOptions) -> None:
        self.options = options
        self.identity = options.path

    def on_event(self, event: Any) -> None:
        if self.options.hangs:
            time.sleep(600)
        with Path(self.options.path).open("a") as file:
            file.write(json.dumps([event.seq, event.kind, dict(event.data)]) + "\n")


class BrokenStore:
    """An object store with a bug."""

    def open(self, url: str) -> Any:
        raise MissingInput(url)

    def list(self, _url: str) -> Any:
        return []

    def _fail(self, *_given: Any) -> Any:
        raise ZeroDivisionError("the store has a bug")

    get = create = replace = delete = entries = now = _fail


@hookimpl
def querygen_storages() -> Any:
    return [Component("broken", Options, lambda _options, _context: BrokenStore(), "Has a bug.")]


@hookimpl
def querygen_providers() -> Any:
    return [Component("model", ModelOptions, lambda options, _context: Model(options), "Says what it is told to say.")]


class KeyedOptions(Options):
    key: Secret | None = Field(None, description="Used as a careless generator would.")


class Keyed:
    """A generator that needs no model."""

    def __init__(self, options: KeyedOptions) -> None:
        self.options = options

    async def generate(self, product: Any, _want: Any, _ask: Any) -> Any:
        if self.options.key:
            self.options.key.reveal()
        return [Query(text=f"What does another site say about the {product.title}?")]


@hookimpl
def querygen_generators() -> Any:
    return [Component("keyed", KeyedOptions, lambda options, _context: Keyed(options), "Asks nobody.")]


@hookimpl
def querygen_inputs() -> Any:
    return [Component("shelf", ShelfOptions, lambda options, _context: Shelf(options), "Products with numbers.")]


@hookimpl
def querygen_preprocessors() -> Any:
    return [Component("sieve", SieveOptions, lambda options, _context: Sieve(options), "Lets everything through.")]


@hookimpl
def querygen_sinks() -> Any:
    return [Component("table", TableOptions, lambda options, _context: Table(options), "Remembers what it gets.")]


@hookimpl
def querygen_observers() -> Any:
    return [Component("ear", EarOptions, lambda options, _context: Ear(options), "Writes down what it hears.")]


if os.environ.get("LAB_BREAKS"):
    raise ImportError("libstrange.so.1: cannot open shared object file")
