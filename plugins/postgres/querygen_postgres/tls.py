"""TLS to a server on another host: by default its certificate and its name are verified."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from querygen_postgres.dsn import Parameters

_VERIFIED = "verify-full"
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Amazon Linux
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)
"""The system's authorities in one file: psycopg brings an OpenSSL of its own, which looks where it was built."""


def with_tls(parameters: Parameters, environ: Mapping[str, str]) -> Parameters:
    """The parameters with `sslmode=verify-full`, unless they or the environment name a mode, or the server is on this
    machine; and with a file of authorities, unless one is named. A service of libpq has its own settings.
    """
    mode = sslmode(parameters, environ)
    if mode is None and not is_elsewhere(parameters, environ):
        return parameters
    if mode not in (None, _VERIFIED):
        return parameters
    verified = {**parameters, "sslmode": _VERIFIED}
    if "sslrootcert" in parameters or "PGSSLROOTCERT" in environ or _has_own_file(environ):
        return verified
    return {**verified, "sslrootcert": _authorities()}


def sslmode(parameters: Parameters, environ: Mapping[str, str]) -> str | None:
    """The mode that somebody has chosen; None if nobody has."""
    return parameters.get("sslmode") or environ.get("PGSSLMODE") or None


def is_elsewhere(parameters: Parameters, environ: Mapping[str, str]) -> bool:
    """Whether the server, or one of several, is on another machine. A host that a service names is not known."""
    return not all(map(_is_here, _hosts(parameters, environ)))


def warn_if_weak(parameters: Parameters, environ: Mapping[str, str], location: str, log: logging.Logger) -> None:
    mode = sslmode(parameters, environ)
    if mode not in (None, _VERIFIED) and is_elsewhere(parameters, environ):
        _warn(log, location, str(mode))


@cache
def _warn(log: logging.Logger, location: str, mode: str) -> None:
    """Once, though several components may use the database."""
    log.warning("%s: sslmode %s does not verify the server on another host; verify-full does", location, mode)


def _hosts(parameters: Parameters, environ: Mapping[str, str]) -> list[str]:
    host = parameters.get("host") or parameters.get("hostaddr")
    if not host and not parameters.get("service"):
        host = environ.get("PGHOST") or environ.get("PGHOSTADDR")
    return str(host or "").split(",")


def _is_here(host: str) -> bool:
    name = host.strip().lower()
    if not name or name.startswith(("/", "@")):  # a socket
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _has_own_file(environ: Mapping[str, str]) -> bool:
    """Whether there is the file of authorities that libpq uses by default."""
    return bool(environ.get("HOME")) and Path(environ["HOME"], ".postgresql", "root.crt").exists()


def _authorities() -> str:
    found = ssl.get_default_verify_paths().cafile  # of SSL_CERT_FILE, or where Python's OpenSSL looks
    candidates = [found, *_BUNDLES] if found else [*_BUNDLES]
    return next((path for path in candidates if Path(path).is_file()), "system")
