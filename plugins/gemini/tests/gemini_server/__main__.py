"""The stand-in by hand: `python -m gemini_server`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from gemini_server.faults import CONTENT, TRANSPORT, Faults
from gemini_server.pace import Latency
from gemini_server.server import serve
from gemini_server.settings import Settings

_FAULTS = f"""faults: {", ".join(CONTENT)} (by the request only);
{", ".join(TRANSPORT)} (by the request and its attempt)"""


def main() -> None:
    parser = build_parser()
    given = parser.parse_args()
    try:
        settings = settings_of(given)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    gc.set_threshold(50_000, 20, 100)  # what it keeps is many and long-lived
    asyncio.run(serve(settings, until_eof=given.until_eof))


def build_parser() -> argparse.ArgumentParser:
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m gemini_server", description="A stand-in for Google's Gemini REST API.", epilog=_FAULTS
    )
    parser.add_argument("--port", type=int, default=usual.port, help="default: any free one")
    parser.add_argument("--key", action="append", default=[], help="a valid API key; default: all are")
    parser.add_argument("--model", action="append", default=[], help="one more model to know")
    parser.add_argument("--answers", choices=("offline", "canned"), default=usual.answers)
    parser.add_argument("--questions", type=int, default=usual.questions, help="of a canned answer")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of answers and of faults")
    parser.add_argument("--latency", default=usual.latency, help="200ms, uniform:100:300, lognormal:200:0.4")
    parser.add_argument("--faults", default="", help="503=0.1,429_minute=0.05, or JSON, or @ and a file of it")
    parser.add_argument("--at-once", type=int, default=usual.at_once, help="most requests at the same time")
    parser.add_argument("--per-minute", type=int, default=usual.per_window, help="most requests in a window")
    parser.add_argument("--window", type=float, default=usual.window, help="its length, in seconds")
    parser.add_argument("--log", default="", help="a file that gets a line for each paid answer")
    parser.add_argument("--chunked", action="store_true", help="answer in chunks, as Google does")
    parser.add_argument("--compress", action="store_true", help="with gzip for those who take it, as Google does")
    parser.add_argument("--settings", default="", help="all of this as JSON, instead")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    return parser


def read_faults(text: str, seed: int) -> dict[str, Any]:
    """The faults that `--faults` tells.

    Raises:
        ValueError: it makes no sense.
    """
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        given = json.loads(text)
    else:
        pairs = [pair.partition("=") for pair in text.split(",") if pair]
        given = {"rates": {name.strip(): float(share) for name, _, share in pairs}}
    Faults.read(given)
    return {"seed": seed, **given}


def settings_of(given: argparse.Namespace) -> Settings:
    if given.settings:
        return Settings.read(json.loads(given.settings))
    Latency.read(given.latency)
    names = ("port", "answers", "questions", "seed", "latency", "at_once", "window", "log", "chunked", "compress")
    settings = Settings(**{name: getattr(given, name) for name in names})
    return replace(
        settings,
        keys=tuple(given.key),
        models=tuple(given.model),
        per_window=given.per_minute,
        faults=read_faults(given.faults, given.seed),
    )


if __name__ == "__main__":
    main()
