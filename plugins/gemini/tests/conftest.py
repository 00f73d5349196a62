from __future__ import annotations

from gemini_fixtures import any_server, server
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = [
    "any_server",
    "empty_home",
    "isolated_environment",
    "no_secrets_of_other_tests",
    "nothing_left_behind",
    "server",
]
