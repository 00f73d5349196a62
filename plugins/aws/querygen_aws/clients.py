"""boto3 clients, created once per process, because creating one takes longer than most calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from querygen_core.api import ConfigError

TIMEOUT = 8.0
"""Seconds to wait for a connection or for the next bytes. Short, because a drain waits for requests under way."""

_TRIES = 5  # per request, with botocore's backoff; the engine retries later what still fails
_MAX_CONNECTIONS = 64  # per client: as many as the threads that may use it at once

_ENDPOINT_NAMES = {"secretsmanager": "SECRETS_MANAGER"}  # where AWS_ENDPOINT_URL_… differs from boto3's service name

_lock = threading.Lock()
_clients: dict[tuple[str, str | None, str | None], Any] = {}


def client(service: str, environ: Mapping[str, str], region: str | None = None) -> Any:
    """Return the boto3 client of `service`, which any thread may use. Sends no request.

    region: default is AWS_REGION, AWS_DEFAULT_REGION or the profile's region. AWS_ENDPOINT_URL and
    AWS_ENDPOINT_URL_<SERVICE> are honoured.

    Raises:
        ConfigError: no region is set.
    """
    region = region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    service_endpoint = f"AWS_ENDPOINT_URL_{_ENDPOINT_NAMES.get(service, service.upper())}"
    # Read here because `environ` may differ from the process's environment, which is all that boto3 looks at.
    endpoint = environ.get(service_endpoint) or environ.get("AWS_ENDPOINT_URL") or None
    key = (service, region, endpoint)
    with _lock:  # held while it is created, so that threads that start together share one
        if key not in _clients:
            _clients[key] = _create(service, region, endpoint)
        return _clients[key]


def _create(service: str, region: str | None, endpoint: str | None) -> Any:
    session = boto3.session.Session(region_name=region)
    if session.region_name is None:
        raise ConfigError(f"aws: no region is set for {service}; set AWS_REGION, or `region` in the config")
    config = Config(
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        max_pool_connections=_MAX_CONNECTIONS,
        user_agent_extra="querygen",
    )
    return session.client(service, endpoint_url=endpoint, config=config)
