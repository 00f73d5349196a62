"""Whatever a user has that says where a database is, as the keyword arguments that psycopg takes."""

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
_RDS = {"host": ("host",), "port": ("port",), "user": ("username", "user"), "password": ("password",),
        "dbname": ("dbname", "database")}  # fmt: skip


def read_dsn(text: str) -> Parameters:
    """Connection parameters by libpq's names. No part of `text` gets into a message: it may hold a password.

    Raises:
        SinkError: it is no dsn.
    """
    text = text.strip()
    if not text:
        raise SinkError("permanent", f"the dsn is empty; it should be {_FORMS}")
    found = _read_rds(text) if text.startswith("{") else _read_conninfo(_SQLALCHEMY.sub(r"\1", text))
    if not _PORTS.fullmatch(str(found.get("port", ""))):
        raise SinkError("permanent", f"the dsn's port is no number; {_ESCAPE}")
    return found


def _read_conninfo(text: str) -> Parameters:
    """For libpq, `user:a/b@host` has the host `user`, and the rest of the password is what may be shown."""
    try:
        given = conninfo_to_dict(text)
    except (psycopg.ProgrammingError, UnicodeError):
        raise SinkError("permanent", f"the dsn cannot be read; it should be {_FORMS}") from None
    found = {name: value for name, value in given.items() if value is not None}
    if _URL.match(text) and any("@" in str(found.get(name, "")) for name in ("host", "port", "dbname")):
        raise SinkError("permanent", f"the dsn has an @ too many; {_ESCAPE}")
    return found


def _read_rds(text: str) -> Parameters:
    """What AWS keeps for a database: `engine`, `dbInstanceIdentifier` and the like say nothing of the way there."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise SinkError("permanent", f"the dsn begins like JSON and is none; it should be {_FORMS}") from None
    engine = str(given.get("engine") or "postgres")
    if "postgres" not in engine:
        other = next((name for name in _ENGINES if name in engine), "another kind")
        raise SinkError("permanent", f"the secret is of a database of {other}, not of PostgreSQL")
    found = {name: value for name, keys in _RDS.items() if (value := _first(given, keys)) is not None}
    if "host" not in found:
        raise SinkError("permanent", "the secret has no 'host'; it should be the JSON that RDS keeps, or a dsn")
    return {**found, **{name: given[name] for name in ("sslmode", "sslrootcert") if name in given}}


def _first(given: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((given[key] for key in keys if given.get(key) not in (None, "")), None)


def place(parameters: Mapping[str, Any]) -> str:
    """Host, port and database, for people and to tell one place from another: no user, no password."""
    host = parameters.get("host") or parameters.get("hostaddr") or parameters.get("service") or "localhost"
    port = parameters.get("port") or 5432
    host = f"[{host}]" if ":" in str(host) else host
    return f"{host}:{port}/{parameters.get('dbname') or parameters.get('user') or 'postgres'}"
