"""The options of `offline/model`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from querygen_core.api import Options

Rate = Annotated[float, Field(ge=0, le=1)]


class OfflineOptions(Options):
    # These change when an answer comes, never what it says, so a stored answer stays valid when they change.
    not_in_key: ClassVar[frozenset[str]] = frozenset({"latency_ms", "errors"})

    model: str = Field("offline-1", description="Model name that the answers report.")
    seed: int = Field(0, description="Seed of the choices; another seed gives other questions and other flaws.")
    latency_ms: float = Field(0, ge=0, le=600_000, description="Duration of each call in milliseconds.")
    duplicates: Rate = Field(0, description="Share of questions (0 to 1) that repeat another one of the same answer.")
    numbering: Rate = Field(0, description="Share of questions (0 to 1) that get a number, a bullet or quotes.")
    leaks: Rate = Field(
        0, description="Share of questions (0 to 1) replaced by model chatter such as `Here are 25 questions`."
    )
    cut_off: Rate = Field(
        0, description="Share of answers (0 to 1) that stop in the middle, as when a model reaches its token limit."
    )
    errors: Rate = Field(
        0, description="Share of calls (0 to 1) that fail: half are throttled, half report an unavailable service."
    )
