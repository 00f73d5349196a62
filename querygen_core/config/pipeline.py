"""A validated config: every component with its checked options, nothing built yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.api import Options
from querygen_core.config.models import Journal, Runtime
from querygen_core.config.places import Places
from querygen_core.registry import Kind, Registered
from querygen_core.secrets.store import SecretStore
from querygen_core.strict_yaml.diagnostics import KeyPath

SPARE = 1.12
"""Queries asked for, per query wanted, where some are dropped. Of 28 of a good model, 25 are good in about 95 % of
cases.
"""


def with_spare(count: int) -> int:
    """The number to ask for where some queries will be dropped and `count` are wanted."""
    return math.ceil(round(count * SPARE, 6))  # rounded first, because 25 × 1.12 is a little more than 28


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """One component that the config uses."""

    name: str
    """Unique in its section: the config's `name`, a model's key, or else `use` (`use#2` for a second one)."""
    use: str
    """`plugin/component`, as in the config."""
    kind: Kind
    """The kind of component that its section takes."""
    options: Options
    """The component's own options, validated."""
    registered: Registered
    """The component's declaration and the distribution it comes from."""
    path: str
    """Where it stands in the config, such as `sinks[0]`; for messages."""
    late: Mapping[str, Any] | None = None
    """All options as the config has them, if secrets stand in some that are text: their `Secret`s are to be revealed
    before the component is built. None: `options` are complete.
    """
    kept: Mapping[KeyPath, str] = field(default_factory=dict)
    """What is kept with the job for options that hold a password in plain text, by their paths."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One entry of `models`."""

    component: ComponentConfig
    """The provider."""
    rpm: int | None
    """Requests per minute to this model; None: `runtime.rpm` applies."""
    tpm: int | None
    """Tokens per minute to this model; None: `runtime.tpm` applies."""
    concurrency: int | None
    """Concurrent calls to this model; None: `runtime.concurrency` applies."""


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """One entry of `generators`."""

    component: ComponentConfig
    """The generator."""
    query_type: str
    """Type of the queries it makes."""
    count: int
    """Number of good queries that each product should get from it."""
    edition: str | None = None
    """Part of the keys of its requests; None: not."""
    ask: int | None = None
    """Number of queries that its first request asks for, as the config says; None: see `Pipeline.asked`."""


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """One entry of `sinks`."""

    component: ComponentConfig
    """The sink."""
    required: bool
    """Whether the run fails if this sink fails."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole config, from which the engine builds a run."""

    job_id: str
    """Identifies the job: runs with the same id continue the same job."""
    input: ComponentConfig
    """Where products are read from."""
    preprocessors: tuple[ComponentConfig, ...]
    """Steps on each product, in order."""
    models: Mapping[str, ModelConfig]
    """The models by the names that generators and postprocessors use."""
    generators: tuple[GeneratorConfig, ...]
    """At least one, in the order of the config, which is the order of an outcome's queries."""
    postprocessors: tuple[ComponentConfig, ...]
    """Steps on each product's queries, in order."""
    sinks: tuple[SinkConfig, ...]
    """At least one."""
    observers: tuple[ComponentConfig, ...]
    """Receivers of the run's events."""
    journal: Journal
    """Where paid answers are kept."""
    runtime: Runtime
    """Limits, timeouts and folders of the run."""
    prompts_dir: str | None
    """Folder in which prompts are looked up first, as written in the config; None: the default folders only."""
    config_file: Path
    """The file that was read; for a config at a URL its local copy."""
    config_dir: Path
    """The folder of `config_file`, to which relative paths in options may refer."""
    resolved: Mapping[str, Any]
    """The config as plain JSON: defaults and environment filled in, secrets as references, and a literal `${` escaped
    as `$${`, so that loading it again gives an equal pipeline.
    """
    hash: str
    """SHA-256 of `resolved` without `runtime.state_dir` as canonical JSON, in hex."""
    secret_store: SecretStore = field(compare=False, repr=False)
    """Fetches the secrets that options refer to."""
    places: Places = field(compare=False, repr=False)
    """Where its values are written."""
    plugins: tuple[str, ...] | None = None
    """The only plugins, `core` apart, that the config may use; None: all that are installed."""
    origin: str = ""
    """The path or URL by which the user named the config."""
    submit: ComponentConfig | None = None
    """The submitter that `querygen submit` uses; None: the only one installed."""

    def asked(self, generator: GeneratorConfig) -> int:
        """Number of queries that the generator's first request asks for."""
        if generator.ask is not None:
            return generator.ask
        # Only postprocessors drop queries.
        return with_spare(generator.count) if self.postprocessors else generator.count
