from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack

from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.run import with_auto_input
from querygen_core.engine.build import Builder, Settings
from querygen_core.errors import Exit, MissingInput, UsageError
from querygen_core.logs import configure
from querygen_core.records import Answer, Product, Request, Want


class _Shown(Exception):
    pass


class _Show:
    """An `Ask` that shows the request instead of sending it."""

    def __init__(self, title: str) -> None:
        self.title = title

    async def __call__(self, request: Request) -> Answer:
        rule = "─" * max(0, 78 - len(self.title))
        print(f"── {self.title} {rule}")
        for part, text in (("system", request.system), ("user", request.prompt)):
            if text:
                print(f"[{part}]\n{text}\n")
        if request.schema is not None and sys.stdout.isatty():
            print(f"[schema] {json.dumps(request.schema)[:200]}…\n")
        raise _Shown


def render(arguments: argparse.Namespace) -> int:
    """Show what the models would be asked for one product."""
    configure(arguments.log_level, arguments.log_format)
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set))
    asyncio.run(_render(arguments, loaded))
    return Exit.DONE


async def _render(arguments: argparse.Namespace, loaded: Loaded) -> None:
    settings = Settings(
        environ=dict(os.environ), products_file=arguments.products_file, products=tuple(arguments.product)
    )
    names = [one.part.name for one in loaded.pipeline.generators]
    if arguments.generator is not None and arguments.generator not in names:
        raise UsageError(f"no generator {arguments.generator!r} in {arguments.config}; it has {', '.join(names)}")
    async with AsyncExitStack() as closing:
        builder = Builder(loaded.pipeline, settings, loaded.registry, closing)
        product = _find(builder, arguments.key)
        for one in loaded.pipeline.generators:
            if arguments.generator in (None, one.part.name):
                want = Want(query_type=one.query_type, count=one.count)
                generator = builder.build(one.part)
                try:
                    await generator.generate(product, want, _Show(f"{one.part.name} · {product.key}"))
                except _Shown:
                    continue


def _find(builder: Builder, key: str | None) -> Product:
    for record in builder.input().read():
        if isinstance(record, Product) and key in (None, record.key, record.product_id):
            return record
    raise MissingInput(f"no product {key!r} in the input" if key else "the input holds no product")
