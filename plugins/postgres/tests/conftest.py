from __future__ import annotations

import os

from hypothesis import settings

from postgres_fixtures import (
    database,
    forks,
    ready,
    server,
)
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = [
    "database",
    "empty_home",
    "forks",
    "isolated_environment",
    "no_secrets_of_other_tests",
    "nothing_left_behind",
    "ready",
    "server",
]

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")
