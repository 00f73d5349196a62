from __future__ import annotations

import os

from hypothesis import settings

from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")
