"""The loops that querygen is held against: the same parts, with no journal, throttle, state or delivery around them.

`python -m tests.benchmarks.bare LOOP CONFIG` prints what it did as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from querygen_core.answers import Parsed, read_answer
from querygen_core.api import Product, Prompt, Want
from querygen_core.config import load_pipeline
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.registry import Registry
from querygen_core.registry.kinds import PROVIDER
from tests.benchmarks.measure import KEY


async def ask(builder: Builder) -> dict[str, Any]:
    """Render, call and parse for every product and generator, as many at a time as the config says."""
    provider = builder.build(builder.pipeline.models["writer"].component, PROVIDER).instance
    work = _requests(builder)
    done = {"calls": 0, "questions": 0}

    async def take() -> None:
        for product, prompt, want in work:
            request = prompt.render(product, want)
            answer = read_answer(await provider.complete(request), request.schema)
            done["calls"] += 1
            done["questions"] += len(answer.value["questions"]) if isinstance(answer, Parsed) else 0

    await asyncio.gather(*(take() for _ in range(builder.pipeline.runtime.concurrency)))
    return done


async def ask_google(builder: Builder) -> dict[str, Any]:
    """The same with Google's client and nothing else: what anybody would write first. Told to wait, it does."""
    from google import genai
    from google.genai import errors, types

    options = builder.pipeline.models["writer"].component.options.model_dump()
    http = types.HttpOptions(base_url=options["base_url"], timeout=60_000)
    client = genai.Client(vertexai=False, api_key=KEY, http_options=http)
    work = _requests(builder)
    done = {"calls": 0, "questions": 0}

    async def take() -> None:
        for product, prompt, want in work:
            request = prompt.render(product, want)
            config = types.GenerateContentConfig(
                system_instruction=request.system,
                max_output_tokens=16_384,
                response_mime_type="application/json",
                response_json_schema=dict(request.schema or {}),
                thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
            )
            while True:
                try:
                    reply = await client.aio.models.generate_content(
                        model=options["model"], contents=request.prompt, config=config
                    )
                    break
                except errors.ClientError as error:
                    if error.code != 429:
                        raise
                    await asyncio.sleep(float(error.response.headers["retry-after"]))
            done["calls"] += 1
            done["questions"] += sum(len(texts) for texts in json.loads(reply.text or "{}").values())

    await asyncio.gather(*(take() for _ in range(builder.pipeline.runtime.concurrency)))
    await client.aio.aclose()
    return done


def _requests(builder: Builder) -> Iterator[tuple[Product, Prompt, Want]]:
    asked = [
        (
            builder.library.load(one.component.options.model_dump()["prompt"]),
            Want(query_type=one.query_type, count=builder.pipeline.asked(one)),
        )
        for one in builder.pipeline.generators
    ]
    for product in _products(builder):
        yield from ((product, prompt, want) for prompt, want in asked)


def _products(builder: Builder) -> Iterator[Product]:
    return (record for record in builder.input().instance.read() if isinstance(record, Product))


async def read(builder: Builder) -> dict[str, Any]:
    """Read the catalogue and keep nothing."""
    return {"products": sum(1 for _ in _products(builder))}


async def read_and_hash(builder: Builder) -> dict[str, Any]:
    """Read the catalogue and hash every product: the least that finding out what is new can cost."""
    return {"products": sum(bool(product.content_hash()) for product in _products(builder))}


async def parse_lines(builder: Builder) -> dict[str, Any]:
    """Parse every line as JSON and keep nothing."""
    with Path(builder.pipeline.input.options.model_dump()["path"]).open("rb") as lines:  # noqa: ASYNC230 - alone here
        return {"products": sum(bool(json.loads(line)) for line in lines)}


LOOPS = {loop.__name__: loop for loop in (ask, ask_google, read, read_and_hash, parse_lines)}


async def main(loop: str, config: str) -> None:
    registry = Registry()
    pipeline = load_pipeline(config, registry=registry)
    async with AsyncExitStack() as closing:
        print(json.dumps(await LOOPS[loop](Builder(pipeline, RunOptions(), registry, closing))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
