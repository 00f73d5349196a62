"""Loads the config that a command names: a file, a URL, or the one kept with a job."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querygen_core.config import Pipeline, load_pipeline, load_pipeline_from
from querygen_core.contracts.errors import ConfigError
from querygen_core.registry import Registry

STATE_DIR = "QUERYGEN_STATE_DIR"
DEFAULT_STATE_DIR = ".querygen"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A validated config and what builds its components."""

    pipeline: Pipeline
    """The validated config."""
    registry: Registry
    """The registry that it was validated against, with the plugins it has loaded."""


def load(config: str, sets: Sequence[str] = (), *, job_id: str | None = None) -> Loaded:
    """Load and validate a config, overriding `runtime.state_dir` by $QUERYGEN_STATE_DIR, and all by `sets`.

    config: a path, or a URL that an installed storage reads. sets: `path=value` each, from the command line.

    Raises:
        ConfigError: with every problem found.
        MissingInput: there is nothing at the URL.
        CredentialsError: the URL may not be read.
    """
    registry = Registry()
    with _local_file(config, registry) as file:
        sets = [*_state_dir_of_this_machine(), *sets]
        return Loaded(load_pipeline(file, sets=sets, job_id=job_id, registry=registry, origin=config), registry)


def overrides(arguments: argparse.Namespace) -> list[str]:
    """The `--set` flags of a command line, and its `--state-dir`, if the command has it, as the last of them."""
    state_dir = arguments.state_dir if "state_dir" in arguments else None
    return [*arguments.set, *([] if state_dir is None else [f"runtime.state_dir={json.dumps(state_dir)}"])]


def _state_dir_of_this_machine() -> list[str]:
    """The environment's state folder comes before the config's, which may be written for another machine."""
    state_dir = os.environ.get(STATE_DIR)
    return [f"runtime.state_dir={json.dumps(state_dir)}"] if state_dir else []


def load_again(kept: Mapping[str, Any], state_dir: str) -> Loaded:
    """Load the config of an earlier run. kept: the run's entry in the journal. state_dir: where the job is now.

    Raises:
        ConfigError: it does not fit the installed plugins, or a secret was written in plain and so was not kept.
    """
    registry = Registry()
    resolved = {**kept["resolved"], "runtime": {**kept["resolved"]["runtime"], "state_dir": state_dir}}
    origin = kept["config_file"]
    with _local_file(origin, registry) as file:
        return Loaded(load_pipeline_from(resolved, config_file=file, registry=registry, origin=origin), registry)


@contextmanager
def _local_file(config: str, registry: Registry) -> Iterator[Path]:
    """The config as a local file. Problems name the URL that the user gave, not the local copy."""
    if "://" not in config:
        yield Path(config)
        return
    from querygen_core.cli.remote import download

    file = download(config, registry)
    folder_url = config.rpartition("/")[0]
    try:
        yield file
    except ConfigError as exc:
        # The local copy is gone when the user reads this.
        raise ConfigError([problem.replace(str(file.parent), folder_url) for problem in exc.problems]) from None
