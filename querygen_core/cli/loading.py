"""A config file, checked, with the registry and the prompts it was checked against."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from querygen_core.config import Pipeline, load_pipeline
from querygen_core.prompts import PromptLibrary
from querygen_core.registry import Registry

log = logging.getLogger("querygen.config")


@dataclass(frozen=True, slots=True)
class Loaded:
    pipeline: Pipeline
    registry: Registry
    library: PromptLibrary


def load(config: str, sets: Sequence[str] = (), *, job_id: str | None = None) -> Loaded:
    """Raises ConfigError with every problem found."""
    registry = Registry()
    pipeline = load_pipeline(Path(config), sets=sets, job_id=job_id, registry=registry)
    library = PromptLibrary([])
    return Loaded(pipeline, registry, library)
