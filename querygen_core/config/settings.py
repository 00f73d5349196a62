"""The keys of a config that are querygen's own; all others belong to the component that `use` names."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

DEFAULT_USE = {"input": "files/auto", "generators": "core/prompt", "journal": "core/sqlite"}

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _check_name(name: str) -> str:
    if any(unicodedata.category(char) in _CONTROL for char in name):
        raise ValueError("should hold no line breaks or control characters")
    if not name.strip():
        raise ValueError("should not be empty")
    return name


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]
AtLeastOne = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Runtime(Settings):
    """How a job runs. None of it is part of any key, except `refill_rounds`."""

    concurrency: int = Field(64, ge=1, le=4096, description="Calls under way, and products worked on, at a time.")
    rpm: AtLeastOne | None = Field(None, description="Requests per minute to each model that sets none of its own.")
    tpm: AtLeastOne | None = Field(None, description="Tokens per minute to each model that sets none of its own.")
    max_cost: float | None = Field(None, gt=0, description="Stop before the job, all its runs together, has cost more.")
    max_calls: AtLeastOne | None = Field(
        None, description="Stop before the job, all its runs together, has made more calls."
    )
    max_tokens: AtLeastOne | None = Field(
        None, description="Stop before the job, all its runs together, has used more tokens."
    )
    max_failed_ratio: float = Field(
        0.05, ge=0, le=1, description="Part of the input that may fail or be rejected before the exit code is 65."
    )
    refill_rounds: int = Field(2, ge=0, le=10, description="How often to ask again for what is missing of a product.")
    drain: float = Field(25, ge=9, le=600, description="Seconds from SIGTERM until the process has to be gone.")
    state_dir: str = Field(
        ".querygen",
        min_length=1,
        description="Folder for journals, locks and reports; the variable `QUERYGEN_STATE_DIR` comes before it.",
    )
    call_timeout: float = Field(120, gt=0, le=3600, description="Seconds after which one call is given up.")
    retry_for: float = Field(600, ge=0, le=86400, description="Seconds after which a failing request is given up.")


class Item(Settings):
    """Anything with a `use`."""

    use: str = Field(min_length=1, description="The component, as plugin/name.")


class Step(Item):
    name: Name | None = Field(None, description="What reports call it; default: `use`.")


class Model(Item):
    rpm: AtLeastOne | None = Field(None, description="Requests per minute to this model.")
    tpm: AtLeastOne | None = Field(None, description="Tokens per minute to this model.")
    concurrency: AtLeastOne | None = Field(None, description="Calls to this model at a time.")


class Generator(Item):
    use: str = Field(DEFAULT_USE["generators"], min_length=1, description="The component, as plugin/name.")
    name: Name | None = Field(None, description="Part of every query's provenance; core/prompt needs it.")
    query_type: Name | None = Field(None, description="The type of its queries; default: its name.")
    count: int = Field(25, ge=1, le=500, description="How many good queries each product should get from it.")


class Sink(Step):
    required: bool = Field(True, description="If false, its failure is a warning and the run ends as if it had none.")


class Top(Settings):
    """A whole config, before anybody has looked into the parts."""

    job_id: Name | None = Field(None, description="Names the job; same name, same job. Default: the file's stem.")
    input: dict[str, Any] = Field({}, description="Where the products come from.")
    preprocessors: list[dict[str, Any]] = Field([], description="Steps on products, in order.")
    models: dict[Name, dict[str, Any]] = Field({}, description="The models, by the names that the rest uses.")
    generators: list[dict[str, Any]] = Field(min_length=1, description="What makes queries of a product.")
    postprocessors: list[dict[str, Any]] = Field([], description="Steps on one product's queries, in order.")
    sinks: list[dict[str, Any]] = Field(min_length=1, description="Where the queries go.")
    observers: list[dict[str, Any]] = Field([], description="What is told of the run.")
    journal: dict[str, Any] = Field({}, description="The job's durable memory.")
    runtime: dict[str, Any] = Field({}, description="How the job runs.")
    prompts_dir: str | None = Field(None, min_length=1, description="Where prompts are looked up by name first.")
    submit: dict[str, Any] = Field({}, description="What runs it elsewhere, for `querygen submit`.")
