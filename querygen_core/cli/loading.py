"""A config, checked, with the registry it was checked against."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querygen_core.config import Pipeline, load_pipeline, load_pipeline_from
from querygen_core.errors import ConfigError
from querygen_core.registry import Registry

STATE_DIR = "QUERYGEN_STATE_DIR"


@dataclass(frozen=True, slots=True)
class Loaded:
    pipeline: Pipeline
    registry: Registry


def load(config: str, sets: Sequence[str] = (), *, job_id: str | None = None) -> Loaded:
    """config: a path, or a URL of an installed storage.

    Raises:
        ConfigError: with every problem found. MissingInput, CredentialsError: the URL leads nowhere, or not for us.
    """
    registry = Registry()
    with _here(config, registry) as file:
        sets = [*_of_this_machine(), *sets]
        return Loaded(load_pipeline(file, sets=sets, job_id=job_id, registry=registry, origin=config), registry)


def _of_this_machine() -> list[str]:
    """What replaces the config's own, for that may have been written for another machine."""
    state_dir = os.environ.get(STATE_DIR)
    return [f"runtime.state_dir={json.dumps(state_dir)}"] if state_dir else []


def load_again(kept: Mapping[str, Any], state_dir: str) -> Loaded:
    """The config that a run was journaled with, its state where the job was found now."""
    registry = Registry()
    resolved = {**kept["resolved"], "runtime": {**kept["resolved"]["runtime"], "state_dir": state_dir}}
    origin = kept["config_file"]
    with _here(origin, registry) as file:
        return Loaded(load_pipeline_from(resolved, config_file=file, registry=registry, origin=origin), registry)


@contextmanager
def _here(config: str, registry: Registry) -> Iterator[Path]:
    """The config as a file, of which problems are told by the name that the user knows."""
    if "://" not in config:
        yield Path(config)
        return
    from querygen_core.cli.remote import bring

    file = bring(config, registry)
    above = config.rpartition("/")[0]
    try:
        yield file
    except ConfigError as exc:
        raise ConfigError([problem.replace(str(file.parent), above) for problem in exc.problems]) from None
