"""boto3's clients, made once for the process and shared by all parts: making one takes longer than most calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from querygen_core.api import ConfigError

TIMEOUT = 8.0
"""Seconds that one request may wait for a connection, or for the next bytes. A drain must not wait longer."""

_TRIES = 5  # of one request, with botocore's pauses; what still fails is for the engine to try again later
_AT_ONCE = 64  # connections of one client

_IDS = {"secretsmanager": "SECRETS_MANAGER"}  # where AWS's own name for a service is another than boto3's

_lock = threading.Lock()
_clients: dict[tuple[str, str | None, str | None], Any] = {}


def client(service: str, environ: Mapping[str, str], region: str | None = None) -> Any:
    """The client of `service`; any thread may use it. Makes no request.

    region: else AWS_REGION, AWS_DEFAULT_REGION or the profile decides. AWS_ENDPOINT_URL, and its
    like for one service, are honoured.

    Raises:
        ConfigError: nothing says which region.
    """
    where = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    own = f"AWS_ENDPOINT_URL_{_IDS.get(service, service.upper())}"
    endpoint = environ.get(own) or environ.get("AWS_ENDPOINT_URL") or None
    key = (service, where, endpoint)
    with _lock:
        if key not in _clients:
            _clients[key] = _new(service, where, endpoint)
        return _clients[key]


def _new(service: str, region: str | None, endpoint: str | None) -> Any:
    session = boto3.session.Session(region_name=region)
    if session.region_name is None:
        raise ConfigError(f"aws: no region is set for {service}; set AWS_REGION, or `region` in the config")
    config = Config(
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        max_pool_connections=_AT_ONCE,
        user_agent_extra="querygen",
    )
    return session.client(service, endpoint_url=endpoint, config=config)
