"""A config that has been found right: every part with its checked options, nothing built yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.api import Options
from querygen_core.config.settings import Runtime
from querygen_core.declarations import Kind, Registered
from querygen_core.vault import Vault


@dataclass(frozen=True, slots=True)
class Part:
    """use: `plugin/component`. path: where it stands in the config, `sinks[0]`."""

    name: str
    use: str
    kind: Kind
    options: Options
    registered: Registered
    path: str


@dataclass(frozen=True, slots=True)
class ModelPart:
    part: Part
    rpm: int | None
    tpm: int | None
    concurrency: int | None


@dataclass(frozen=True, slots=True)
class GeneratorPart:
    part: Part
    query_type: str
    count: int


@dataclass(frozen=True, slots=True)
class SinkPart:
    part: Part
    required: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    """resolved: the whole config as plain JSON, defaults and environment filled in, secrets as references; a `${`
    that is text is `$${` in it, so that it loads again to the same. hash: its digest. vault: where its secrets are.
    origin: what the user called the config: a path or a URL. submit: what the config says of `querygen submit`.
    """

    job_id: str
    input: Part
    preprocessors: tuple[Part, ...]
    models: Mapping[str, ModelPart]
    generators: tuple[GeneratorPart, ...]
    postprocessors: tuple[Part, ...]
    sinks: tuple[SinkPart, ...]
    observers: tuple[Part, ...]
    journal: Part
    runtime: Runtime
    prompts_dir: str | None
    config_file: Path
    config_dir: Path
    resolved: Mapping[str, Any]
    hash: str
    vault: Vault = field(compare=False, repr=False)
    origin: str = ""
    submit: Part | None = None
