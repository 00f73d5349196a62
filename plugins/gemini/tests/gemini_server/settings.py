"""What a stand-in is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gemini_server.answers import Answers


@dataclass(frozen=True, kw_only=True)
class Settings:
    """port: 0 for any that is free. keys: valid ones; () for all. models: known beside the usual ones.

    answers, questions, seed: see `Answers`; questions is how many canned ones an array has if the schema lets it.
    latency: as `Latency.read` takes it. faults: as `Faults.read` takes them. at_once, per_window, window: see `Limits`.
    log: a file that each paid answer adds a line to, `key attempt finish`. chunked, compress: as Google answers.
    """

    port: int = 0
    keys: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    answers: Answers = "canned"
    questions: int = 25
    seed: int = 0
    latency: str = "0ms"
    faults: Mapping[str, Any] = field(default_factory=dict)
    at_once: int = 0
    per_window: int = 0
    window: float = 60.0
    log: str = ""
    chunked: bool = False
    compress: bool = False

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Settings:
        return cls(**{**given, "keys": tuple(given.get("keys", ())), "models": tuple(given.get("models", ()))})

    def told(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}
