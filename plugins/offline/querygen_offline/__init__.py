"""A deterministic stand-in for a language model: no key, no network, no cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from querygen_core.api import Component, Context, Options, Provider, hookimpl

querygen_api = 1

Rate = Annotated[float, Field(ge=0, le=1)]


class OfflineOptions(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset({"latency_ms", "errors"})

    model: str = Field("offline-1", description="name under which answers are reported")
    seed: int = Field(0, description="another seed, other questions and other flaws")
    latency_ms: float = Field(0, ge=0, le=600_000, description="how long each call takes, in milliseconds")
    duplicates: Rate = Field(0, description="share of questions that repeat another one of the same answer")
    numbering: Rate = Field(0, description="share of questions with a number, a bullet or quotes around them")
    leaks: Rate = Field(0, description="share of questions replaced by chatter such as `Here are 25 questions`")
    cut_off: Rate = Field(0, description="share of answers that end in the middle, as at a token limit")
    errors: Rate = Field(0, description="share of calls that fail, half of them with `slow down`")


def build_model(options: OfflineOptions, context: Context) -> Provider:  # noqa: ARG001 - builders all take one
    from querygen_offline.model import OfflineModel

    return OfflineModel(options)


@hookimpl
def querygen_providers() -> Iterable[Component[OfflineOptions, Provider]]:
    summary = "questions from a product's own facts, by patterns; no language model"
    return [Component("model", OfflineOptions, build_model, summary)]
