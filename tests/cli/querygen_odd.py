"""A plugin with one component of each kind, which misbehaves in the way that its option says. Installed by tests."""

from __future__ import annotations

import os
import sys
from typing import Any

from pydantic import Field

from querygen_core.api import Capabilities, Component, Options, Product, Query, Receipt, Response, Usage, hookimpl

querygen_api = 1


class OddOptions(Options):
    does: str = Field("", description="How it misbehaves; nothing if empty.")


class Calamity(BaseException):
    """Of a class that nobody expects."""


class Odd:
    capabilities = Capabilities(free=True)
    limit_key = identity = "odd"

    def __init__(self, options: OddOptions) -> None:
        self.does = options.does

    def misbehave(self, good: Any) -> Any:
        if self.does == "raise":
            raise ZeroDivisionError("a bug")
        if self.does == "exit":
            sys.exit(0)
        if self.does == "calamity":
            raise Calamity("no Exception")
        if self.does == "print":
            print("noise on standard output")
            os.write(2, b"noise on standard error\n")
        return {"none": None, "wrong": object()}.get(self.does, good)

    async def check(self) -> None: ...

    async def aclose(self) -> None: ...


class Shelf(Odd):
    def read(self) -> Any:
        return self.misbehave([Product(product_id="1", title="A lamp"), Product(product_id="2", title="A chair")])


class Sieve(Odd):
    async def process(self, products: Any) -> Any:
        return self.misbehave(products)


class Model(Odd):
    async def complete(self, _request: Any) -> Any:
        text = '{"questions": [{"text": "What is it made of?"}, {"text": "How heavy is it?"}]}'
        return self.misbehave(Response(text=text, usage=Usage(input=10, output=5)))


class Writer(Odd):
    async def generate(self, _product: Any, _want: Any, _ask: Any) -> Any:
        return self.misbehave([Query(text="What is it made of?", query_type="product")])


class Polisher(Odd):
    async def process(self, _product: Any, queries: Any, _ask: Any = None) -> Any:
        return self.misbehave(queries)


class Table(Odd):
    async def apply(self, outcomes: Any) -> Any:
        return self.misbehave([Receipt(product_key=one.product_key, delivered=len(one.queries)) for one in outcomes])


class Ear(Odd):
    def on_event(self, _event: Any) -> Any:
        return self.misbehave(None)


def _declared(name: str, kind: type[Odd]) -> list[Component[Any, Any]]:
    return [Component(name, OddOptions, lambda options, _context: kind(options), "Misbehaves")]


@hookimpl
def querygen_inputs() -> Any:
    return _declared("input", Shelf)


@hookimpl
def querygen_preprocessors() -> Any:
    return _declared("preprocessor", Sieve)


@hookimpl
def querygen_providers() -> Any:
    return _declared("provider", Model)


@hookimpl
def querygen_generators() -> Any:
    return _declared("generator", Writer)


@hookimpl
def querygen_postprocessors() -> Any:
    return _declared("postprocessor", Polisher)


@hookimpl
def querygen_sinks() -> Any:
    return _declared("sink", Table)


@hookimpl
def querygen_observers() -> Any:
    return _declared("observer", Ear)
