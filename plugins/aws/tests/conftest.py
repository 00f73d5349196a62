from __future__ import annotations

import os

from hypothesis import settings

from aws_fixtures import (
    aws,
    batch,
    batch_service,
    bucket,
    environment,
    impatient,
    moto,
    proxy,
    sized,
    submitter,
)
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = [
    "aws",
    "batch",
    "batch_service",
    "bucket",
    "empty_home",
    "environment",
    "impatient",
    "isolated_environment",
    "moto",
    "no_secrets_of_other_tests",
    "nothing_left_behind",
    "proxy",
    "sized",
    "submitter",
]

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")
