from __future__ import annotations

import argparse
import asyncio
import json
import os
from contextlib import AsyncExitStack
from dataclasses import replace

from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import configure_logs, print_result
from querygen_core.cli.run import with_auto_input
from querygen_core.contracts.errors import Exit, MissingInput, Stopped, UsageError
from querygen_core.contracts.records import Answer, Product, Request, Want
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.registry.kinds import GENERATOR


class _Printed(Stopped):
    """Ends a generator once its first request is printed; there is no answer to go on with."""


class _PrintRequest:
    """An `Ask` that prints the request instead of sending it."""

    def __init__(self, title: str) -> None:
        self.title = title

    async def __call__(self, request: Request) -> Answer:
        rule = "─" * max(0, 78 - len(self.title))
        print_result(f"── {self.title} {rule}")
        for role, text in (("system", request.system), ("user", request.prompt)):
            if text:
                print_result(f"[{role}]\n{text}\n")
        if request.schema is not None:
            print_result(f"[schema]\n{json.dumps(request.schema, ensure_ascii=False)}\n")
        raise _Printed


def render(arguments: argparse.Namespace) -> int:
    """Print the first request of each generator for one product."""
    configure_logs(arguments)
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set))
    asyncio.run(_render(arguments, loaded))
    return Exit.DONE


async def _render(arguments: argparse.Namespace, loaded: Loaded) -> None:
    run_options = RunOptions(
        environ=dict(os.environ), products_file=arguments.products_file, products=tuple(arguments.product)
    )
    names = [generator.component.name for generator in loaded.pipeline.generators]
    if arguments.generator is not None and arguments.generator not in names:
        raise UsageError(f"{arguments.config} has no generator {arguments.generator!r}, only {', '.join(names)}")
    async with AsyncExitStack() as closing:
        builder = Builder(loaded.pipeline, run_options, loaded.registry, closing)
        product = _find(builder, arguments.key)
        for config in loaded.pipeline.generators:
            if arguments.generator in (None, config.component.name):
                want = Want(query_type=config.query_type, count=loaded.pipeline.asked(config))
                if arguments.refill:
                    want = _refill(want, product)
                generator = builder.build(config.component, GENERATOR)
                title = f"{config.component.name} · {product.key}"
                try:
                    with generator.guard:
                        await generator.instance.generate(product, want, _PrintRequest(title))
                except _Printed:
                    continue


def _refill(want: Want, product: Product) -> Want:
    """A request for two more questions. What a refill says depends on answers, which are not there yet."""
    accepted = (f"Where is the {product.title} made?", f"How heavy is the {product.title}?")
    return replace(want, count=2, round=1, accepted=accepted, dropped={"Is it good?": "quality/bare_it"})


def _find(builder: Builder, key: str | None) -> Product:
    component = builder.input()
    with component.guard:
        for record in component.instance.read():
            if isinstance(record, Product) and key in (None, record.key, record.product_id):
                return record
    raise MissingInput(f"the input has no product with key or id {key!r}" if key else "the input has no products")
