"""Parses a dsn in any of its forms into keyword arguments for psycopg."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from querygen_core.api import SinkError

Parameters = dict[str, Any]

_SQLALCHEMY = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")
_FORMS = "a URL (postgresql://user:password@host:5432/db), 'host=… dbname=…', or the JSON that RDS keeps in a secret"
_ESCAPE = "in a URL, / : @ and % of a user or password are written as %2F %3A %40 %25"
_URL = re.compile(r"postgres(?:ql)?://")
_PORTS = re.compile(r"[\d,]*")
_ENGINES = ("mysql", "mariadb", "oracle", "sqlserver", "db2", "mongo", "redshift")
_RDS = {
    "host": ("host",),
    "port": ("port",),
    "user": ("username", "user"),
    "password": ("password",),
    "dbname": ("dbname", "database"),
}


def parse_dsn(text: str) -> Parameters:
    """Connection parameters by libpq's names. No message repeats any part of `text`: it may hold a password.

    Raises:
        SinkError: it is not a dsn.
    """
    text = text.strip()
    if not text:
        raise SinkError("permanent", f"the dsn is empty; it should be {_FORMS}")
    parameters = _parse_rds(text) if text.startswith("{") else _parse_conninfo(_SQLALCHEMY.sub(r"\1", text))
    if not _PORTS.fullmatch(str(parameters.get("port", ""))):
        raise SinkError("permanent", f"the dsn's port is not a number; {_ESCAPE}")
    return parameters


def _parse_conninfo(text: str) -> Parameters:
    """A URL or `key=value` string.

    In `user:a/b@host`, with an unescaped slash in the password, libpq takes `user` for the host and the rest of the
    password for the database's name, which would then be printed; so an `@` in those parts is refused.
    """
    try:
        conninfo = conninfo_to_dict(text)
    except (psycopg.ProgrammingError, UnicodeError):
        raise SinkError("permanent", f"the dsn cannot be read; it should be {_FORMS}") from None
    parameters = {name: value for name, value in conninfo.items() if value is not None}
    if _URL.match(text) and any("@" in str(parameters.get(name, "")) for name in ("host", "port", "dbname")):
        raise SinkError("permanent", f"the dsn contains an unescaped '@'; {_ESCAPE}")
    return parameters


def _parse_rds(text: str) -> Parameters:
    """The secret that RDS keeps for a database. Fields such as `dbInstanceIdentifier` are not needed to connect."""
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        raise SinkError("permanent", f"the dsn looks like JSON but is not valid JSON; it should be {_FORMS}") from None
    engine = str(secret.get("engine") or "postgres")
    if "postgres" not in engine:
        other = next((name for name in _ENGINES if name in engine), "another database engine")
        raise SinkError("permanent", f"the secret is for {other}, not for PostgreSQL")
    parameters = {name: value for name, keys in _RDS.items() if (value := _first(secret, keys)) is not None}
    if "host" not in parameters:
        raise SinkError("permanent", "the secret has no 'host'; it should be the JSON that RDS keeps, or a dsn")
    return {**parameters, **{name: secret[name] for name in ("sslmode", "sslrootcert") if name in secret}}


def _first(secret: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((secret[key] for key in keys if secret.get(key) not in (None, "")), None)


def location_of(parameters: Mapping[str, Any]) -> str:
    """`host:port/database`, without user and password: for messages, and to tell databases apart."""
    host = parameters.get("host") or parameters.get("hostaddr") or parameters.get("service") or "localhost"
    port = parameters.get("port") or 5432
    host = f"[{host}]" if ":" in str(host) else host
    return f"{host}:{port}/{parameters.get('dbname') or parameters.get('user') or 'postgres'}"
