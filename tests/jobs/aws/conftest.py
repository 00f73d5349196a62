from __future__ import annotations

from aws_fixtures import aws, batch, batch_service, bucket, environment, impatient, proxy, sized
from postgres_fixtures import database, server

__all__ = [
    "aws",
    "batch",
    "batch_service",
    "bucket",
    "database",
    "environment",
    "impatient",
    "proxy",
    "server",
    "sized",
]
