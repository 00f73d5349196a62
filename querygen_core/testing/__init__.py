"""For the tests of plugins: surroundings to build a component in, and a contract to check it against."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from querygen_core.api import Context

__all__ = ["context"]


def context(folder: Path, component: str = "test/component", **changes: Any) -> Context:
    """A context whose state and config lie in `folder`; `changes` are fields of `Context`."""
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {
        "job_id": "test-job",
        "component": component,
        "state_dir": state,
        "config_dir": folder,
        "environ": dict(os.environ),
    }
    return Context(**{**given, **changes})
