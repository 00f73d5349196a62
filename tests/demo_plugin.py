"""A plugin with one component of every kind that a config names, for tests of the core."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from querygen_core.api import Component, Context, ModelName, Options, PromptName, Secret, hookimpl
from querygen_core.config import Pipeline, load_pipeline
from querygen_core.contracts.errors import ConfigError, Exit
from querygen_core.registry import Registry

ENVIRON = {
    "T": "3",
    "N": "abc",
    "EMPTY": "",
    "A": "${B}",
    "B": "b",
    "PASSWORD": "hunter2hunter2",
    "YAML": "[1, 2]\nx: 3",
    "LATIN1": "\udce4",
}

GOOD = """\
input: {use: demo/catalogue, path: products.csv}
models:
  flash: {use: demo/model, model: flash-1, api_key: "${secret:env:PASSWORD}"}
generators:
  - {name: product, prompt: product, model: flash}
  - {name: market, prompt: market, model: flash, count: 10}
postprocessors:
  - use: demo/filter
sinks:
  - {use: demo/table, dsn: "postgres://me:${secret:env:PASSWORD}@${B}/db"}
  - {use: demo/file, path: out.jsonl}
"""

RICH = """\
job_id: "$${x} ${A} 1.10"
prompts_dir: "${B}$${"
input: {use: demo/catalogue, path: "${A}$${z}", columns: [{column: a}, {column: b, width: "${T}"}]}
preprocessors: [{use: demo/filter, name: first}]
models:
  flash: {use: demo/model, model: "1.10", api_key: "${PASSWORD}", rpm: 60, tpm: "${T}", temperature: 0.5}
  idle: {use: demo/model, model: NO, api_key: "${secret:file:/x#y}"}
generators:
  - {name: product, prompt: product, model: flash, query_type: p, inputs: {tone: "${A}", n: 1.0, deep: [1, null]}}
  - {use: demo/rules, count: 500}
postprocessors: [{use: demo/filter, when: [1, 2], extra: {a: {b: "$${"}}, judge: idle}]
sinks:
  - {use: demo/table, dsn: "x ${secret:env:PASSWORD} ${B}", passwords: {a: "${secret:env:PASSWORD}", b: "${B}"}}
  - {use: demo/file, path: 2026-11-23, required: false}
observers: [{use: demo/log}]
journal: {url: "file:///tmp/journal/"}
submit: {use: demo/queue, path: "${B}"}
runtime: {concurrency: 4096, max_cost: 1.5, max_calls: 7, drain: 9, max_failed_ratio: 0}
"""
"""Every section, every way to fill something in."""

KEYS = (
    "job_id",
    "plugins",
    "input",
    "preprocessors",
    "models",
    "generators",
    "postprocessors",
    "sinks",
    "observers",
    "journal",
    "runtime",
    "prompts_dir",
    "submit",
)


def no_metadata(url: str) -> str:
    if not url.startswith("https://") or "169.254." in url:
        raise ValueError(f"should be an https:// address of a public host, not {url!r}")
    return url


def break_down(_value: str) -> str:
    raise ZeroDivisionError("division by zero")


class Nested(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str = Field(description="A column.")
    width: int = Field(1, description="Its width.")


class CatalogueOptions(Options):
    path: str = Field(min_length=1, description="A file.")
    columns: list[Nested] = Field([], description="Columns.")


class ModelOptions(Options):
    not_in_key = frozenset({"base_url"})

    model: str = Field(description="Model id.")
    api_key: Secret = Field(description="Key.")
    temperature: float = Field(1, description="0 repeats itself.")
    base_url: Annotated[str, AfterValidator(no_metadata)] = Field("https://api.example", description="Address.")


class FilterOptions(Options):
    times: int = Field(1, ge=1, le=10, description="How often.")
    mode: Literal["fast", "careful"] = Field("fast", description="How.")
    when: int | list[int] = Field(1, description="When.")
    label: str = Field("x", description="A label.")
    extra: dict[str, Any] = Field({}, description="Anything.")
    judge: ModelName | None = Field(None, description="A model.")
    prompt: PromptName | None = Field(None, description="A prompt.")


class TableOptions(Options):
    dsn: Secret = Field(description="Connection.")
    table: str = Field("queries", pattern=r"^[a-z_][a-z0-9_]{0,62}$", description="A table.")
    passwords: dict[str, Secret] = Field({}, description="More secrets.")


class FileOptions(Options):
    path: str = Field(description="A file.")
    bucket: str = Field("bucket", pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="A bucket.")


class GreedyOptions(Options):
    name: str = Field("", description="Hides a key of querygen.")


class FussyOptions(Options):
    path: Annotated[str, AfterValidator(break_down)] = Field("", description="Breaks its validator.")


def build(options: Options, context: Context) -> Any:
    return options, context


class Storage:
    def open(self, url: str) -> Any:
        raise NotImplementedError

    def list(self, url: str) -> Any:
        raise NotImplementedError


class Demo:
    querygen_api = 1

    @hookimpl
    def querygen_inputs(self):
        return [Component("catalogue", CatalogueOptions, build, "Reads.")]

    @hookimpl
    def querygen_preprocessors(self):
        return [Component("filter", FilterOptions, build, "Filters.")]

    @hookimpl
    def querygen_providers(self):
        return [Component("model", ModelOptions, build, "Answers.")]

    @hookimpl
    def querygen_generators(self):
        return [Component("rules", FilterOptions, build, "Needs no model.")]

    @hookimpl
    def querygen_postprocessors(self):
        return [Component("filter", FilterOptions, build, "Filters.")]

    @hookimpl
    def querygen_sinks(self):
        return [
            Component("table", TableOptions, build, "Stores."),
            Component("file", FileOptions, build, "Writes."),
            Component("greedy", GreedyOptions, build, "Cannot be used."),
            Component("fussy", FussyOptions, build, "Fails while it is checked."),
        ]

    @hookimpl
    def querygen_observers(self):
        return [Component("log", FilterOptions, build, "Watches.")]

    @hookimpl
    def querygen_storages(self):
        return [Component("demo", Options, lambda *_: Storage(), "Reads demo://.")]

    @hookimpl
    def querygen_submitters(self):
        return [Component("queue", FileOptions, build, "Runs.")]


def registry() -> Registry:
    made = Registry(ENVIRON)
    made.register(Demo(), "demo", "querygen-demo", "1.2")
    return made


def load(folder: Path, text: str | bytes, **given: Any) -> Pipeline:
    """The pipeline of a config `config.yaml` in the current folder, which is `folder`; all prompts are good."""
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "config.yaml").write_bytes(content)
    given = {"environ": ENVIRON, "registry": registry(), "load_prompt": str, **given}
    return load_pipeline("config.yaml", **given)


def problems_of(folder: Path, text: str | bytes, **given: Any) -> list[str]:
    """What is wrong with a config, one line each, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **given)
    assert caught.value.exit_code == Exit.CONFIG
    return [problem.removeprefix("config.yaml:") for problem in caught.value.problems]
