"""The keys of a config that are querygen's own. All others are options of the component that `use` names."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from querygen_core.registry import Kind

DEFAULT_USE = {"input": "files/auto", "generators": "core/prompt"}

_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode: control, surrogate, line and paragraph separator


def _check_name(name: str) -> str:
    if any(unicodedata.category(char) in _CONTROL for char in name):
        raise ValueError("should not contain line breaks or control characters")
    if not name.strip():
        raise ValueError("should not be empty")
    return name


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]
Edition = Annotated[
    str, Field(min_length=1, max_length=255, coerce_numbers_to_str=True), AfterValidator(_check_name)
]  # a year or a number is what most will write
AtLeastOne = Annotated[int, Field(ge=1)]


class ConfigModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Runtime(ConfigModel):
    """Limits, timeouts and folders. Only `refill_rounds` is part of an outcome's key; none is part of a request's."""

    concurrency: int = Field(
        64, ge=1, le=4096, description="Largest number of concurrent calls, and of products processed concurrently."
    )
    rpm: AtLeastOne | None = Field(
        None, description="Requests per minute to each model that sets no `rpm` itself. Default: no limit."
    )
    tpm: AtLeastOne | None = Field(
        None, description="Tokens per minute to each model that sets no `tpm` itself. Default: no limit."
    )
    max_cost: float | None = Field(
        None,
        gt=0,
        description="Budget of the job in USD, over all its runs: the run exits with 69 before it is exceeded. A "
        "call starts only if its worst case (all of `max_output_tokens`) still fits. Default: no limit.",
    )
    max_cost_per_day: float | None = Field(
        None,
        gt=0,
        description="USD that all jobs of the answer store may spend from midnight to midnight (UTC): the run exits "
        "with 69 before it is exceeded. Machines that share a `journal.url` learn every 20 s what the others have "
        "spent; what they spend meanwhile can exceed it. Default: no limit.",
    )
    confirm_above: float | None = Field(
        None,
        ge=0,
        description="USD: a run that is started at a terminal, and whose plan expects to cost more, shows the plan and "
        "asks first. One without a terminal never asks. Default: only `--confirm` asks.",
    )
    max_calls: AtLeastOne | None = Field(
        None,
        description="Most calls that the job may make, over all its runs: the run exits with 69 before more are made. "
        "Default: no limit.",
    )
    max_tokens: AtLeastOne | None = Field(
        None,
        description="Most tokens that the job may use, over all its runs: the run exits with 69 before more are used. "
        "Default: no limit.",
    )
    max_failed_ratio: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest share of the input, 0 to 1, that may fail or be rejected before the run exits with 65. "
        "If half or more of the first 50 records are rejected, or of those that came within 5 seconds, and more than "
        "this and `max_failed` allow, it exits before it asks anything.",
    )
    max_failed: int = Field(
        1,
        ge=0,
        description="Records that may fail or be rejected whatever share of the input they are, but not all of it.",
    )
    max_refused_ratio: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Largest share of the products, 0 to 1, that a required sink may refuse, each with a dead letter, "
        "before the run exits with 74. Their questions are paid for and stay in the journal.",
    )
    min_yield: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Smallest share, 0 to 1, of the questions received that must be good. Judged over the products for "
        "which a call was paid in this run, from the 20th on and at the end: below it, or if nothing at all is kept, "
        "the run exits with 69, says what the questions were lost for, and replaces no file.",
    )
    removed_products: Literal["keep", "retire"] = Field(
        "keep",
        description="What becomes of products that left the input. `keep`: sinks of rows leave their rows alone. "
        "`retire`: every sink withdraws their questions, and deliveries begin when the input has been read to its end. "
        "Not by a run with `--sample` or `--product`.",
    )
    max_retired_ratio: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Largest share of the products, 0 to 1, that may have left the input before `retire` exits with 65 "
        "and nothing is delivered.",
    )
    partitions: int = Field(
        64,
        ge=1,
        le=4096,
        description="Number of parts that products are divided into, by a hash of their key; a job can have at most so "
        "many shards. Fixed at the job's first start.",
    )
    refill_rounds: int = Field(
        2, ge=0, le=10, description="How many times to ask again for the queries that a product still lacks."
    )
    drain: float = Field(25, ge=9, le=600, description="Seconds from SIGTERM until the process must have exited.")
    state_dir: str = Field(
        ".querygen",
        min_length=1,
        description="Folder for journals, locks and reports; the environment's `QUERYGEN_STATE_DIR` overrides it.",
    )
    call_timeout: float = Field(120, gt=0, le=3600, description="Seconds after which a call is abandoned.")
    retry_for: float = Field(600, ge=0, le=86400, description="Seconds for which a failing request is retried.")


def _check_folder_url(url: str) -> str:
    scheme, separator, path = url.partition("://")
    if not (scheme and separator and path) or any(unicodedata.category(char) in _CONTROL for char in url):
        raise ValueError("should be the URL of a folder, such as s3://bucket/journal/ or file:///mnt/journal/")
    if scheme == "file" and not path.startswith("/"):
        raise ValueError("should have three slashes: file:///mnt/journal/")
    return url if url.endswith("/") else f"{url}/"


class Journal(ConfigModel):
    """Where answers are kept. None of it is part of any key but `reuse`."""

    url: Annotated[str, AfterValidator(_check_folder_url)] | None = Field(
        None,
        description="URL of a folder where all machines keep answers, leases and reports: `s3://bucket/journal/`, or "
        "`file:///path/` on a disk that they share. Default: `runtime.state_dir`, for a job on one machine.",
    )
    reuse: Literal["all", "job"] = Field(
        "all", description="`all`: an answer that any job has paid for is used. `job`: only those of this job."
    )
    lease: float = Field(
        60,
        ge=2,
        le=3600,
        description="Seconds after which another process may take over a shard from one that does not respond. Only "
        "with `url`.",
    )


class ComponentEntry(ConfigModel):
    """The keys of every entry that names a component."""

    use: str = Field(min_length=1, description="The component, as `plugin/component`.")


class Step(ComponentEntry):
    """The keys of an entry in a list of steps, sinks or observers."""

    name: Name | None = Field(None, description="Name in reports and messages. Default: the value of `use`.")


class Model(ComponentEntry):
    """The keys of an entry under `models`."""

    rpm: AtLeastOne | None = Field(None, description="Requests per minute to this model. Default: `runtime.rpm`.")
    tpm: AtLeastOne | None = Field(None, description="Tokens per minute to this model. Default: `runtime.tpm`.")
    concurrency: AtLeastOne | None = Field(
        None, description="Largest number of concurrent calls to this model. Default: `runtime.concurrency`."
    )


class Generator(ComponentEntry):
    """The keys of an entry under `generators`."""

    use: str = Field(DEFAULT_USE["generators"], min_length=1, description="The component, as `plugin/component`.")
    name: Name | None = Field(
        None, description="Name kept with every query. Required for core/prompt, else by default the value of `use`."
    )
    query_type: Name | None = Field(None, description="Type of its queries. Default: its name.")
    count: int = Field(25, ge=1, le=500, description="Number of good queries that each product should get from it.")
    ask: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Number of queries that its first request asks for, since some are dropped. Default: count × 1.12, "
        "rounded up; `count` if there are no postprocessors.",
    )
    edition: Edition | None = Field(
        None,
        description="Any text. Another one asks the models anew; the old one, or none, finds the old answers again.",
    )

    @field_validator("ask")
    @classmethod
    def _ask_covers_count(cls, ask: int | None, given: ValidationInfo) -> int | None:
        count = given.data.get("count")
        if ask is not None and count is not None and ask < count:
            raise ValueError(f"should be at least `count`, which is {count}")
        return ask


class Sink(Step):
    """The keys of an entry under `sinks`."""

    required: bool = Field(
        True, description="If false, a failure of the sink is logged as a warning and does not change the exit code."
    )


class ConfigFile(ConfigModel):
    """A whole config, its components' options not validated yet."""

    job_id: Name | None = Field(
        None,
        description="Name of the job; runs with the same name continue it. Default: the file name without extension.",
    )
    plugins: list[Name] | None = Field(
        None,
        description="The only plugins, `core` apart, that the config may use, secrets and the storages of URLs "
        "included. Default: all that are installed.",
    )
    input: dict[str, Any] = Field({}, description="Where products are read from.")
    preprocessors: list[dict[str, Any]] = Field([], description="Steps that change or reject products, in order.")
    models: dict[Name, dict[str, Any]] = Field(
        {}, description="Models, by the names that generators and postprocessors use."
    )
    generators: list[dict[str, Any]] = Field(
        min_length=1, description="Generators, which make the queries of each product."
    )
    postprocessors: list[dict[str, Any]] = Field(
        [], description="Steps that repair, mark or drop the queries of one product, in order."
    )
    sinks: list[dict[str, Any]] = Field(min_length=1, description="Where the queries are delivered.")
    observers: list[dict[str, Any]] = Field([], description="Receivers of the run's events.")
    journal: dict[str, Any] = Field({}, description="Where paid answers are kept, and whose answers are used.")
    runtime: dict[str, Any] = Field({}, description="Limits, timeouts and folders of a run.")
    prompts_dir: str | None = Field(None, min_length=1, description="Folder in which prompts are looked up first.")
    submit: dict[str, Any] = Field({}, description="Submitter that `querygen submit` uses.")


SECTIONS: dict[str, tuple[Kind, type[ComponentEntry]]] = {
    "input": ("input", ComponentEntry),
    "preprocessors": ("preprocessor", Step),
    "models": ("provider", Model),
    "generators": ("generator", Generator),
    "postprocessors": ("postprocessor", Step),
    "sinks": ("sink", Sink),
    "observers": ("observer", Step),
    "submit": ("submitter", ComponentEntry),
}
"""The sections that name components: the kind of component each takes, and querygen's own keys in each entry."""
