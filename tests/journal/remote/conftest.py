from __future__ import annotations

from pathlib import Path

import pytest

from aws_fixtures import aws, bucket, environment
from tests.journal.remote.place import Place

__all__ = ["aws", "bucket", "environment"]


@pytest.fixture(scope="session", params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def kind(request: pytest.FixtureRequest) -> str:
    """Of the session, so that the emulator is there before a test looks which processes are running."""
    if request.param == "s3":
        request.getfixturevalue("aws")
    return str(request.param)


@pytest.fixture
def place(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> Place:
    """A new store: a folder, and S3 in an emulator."""
    if kind == "folder":
        return Place(f"file://{tmp_path}/store/")
    bucket = request.getfixturevalue("bucket")
    return Place(f"s3://{bucket}/journal/", request.getfixturevalue("aws").environ)
