"""A config, checked, with the registry it was checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querygen_core.config import Pipeline, load_pipeline, load_pipeline_from
from querygen_core.registry import Registry


@dataclass(frozen=True, slots=True)
class Loaded:
    pipeline: Pipeline
    registry: Registry


def load(config: str, sets: Sequence[str] = (), *, job_id: str | None = None) -> Loaded:
    """Raises ConfigError with every problem found."""
    registry = Registry()
    return Loaded(load_pipeline(config, sets=sets, job_id=job_id, registry=registry), registry)


def load_again(kept: Mapping[str, Any], state_dir: str) -> Loaded:
    """The config that a run was journaled with, its state where the job was found now."""
    registry = Registry()
    resolved = {**kept["resolved"], "runtime": {**kept["resolved"]["runtime"], "state_dir": state_dir}}
    return Loaded(load_pipeline_from(resolved, config_file=Path(kept["config_file"]), registry=registry), registry)
