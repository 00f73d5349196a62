"""A server on another host has to prove who it is, unless the dsn says otherwise. The names lead to this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from postgres_server import Database
from querygen_core.api import SinkError
from querygen_core.testing import context
from querygen_postgres import tls
from querygen_postgres.address import Address
from querygen_postgres.options import ConnectionOptions
from tls_server import Authority, with_tls

NAME = "db.shop.test"
RDS = "shop.abc.eu-west-1.rds.amazonaws.com"


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "right")


@pytest.fixture(scope="session")
def port(server, authority) -> Iterator[int]:
    """Of a server with TLS."""
    target = (str(server.parameters["host"]), int(server.parameters["port"]))
    with with_tls(authority.certify(NAME, RDS), target) as port:
        yield port


@pytest.fixture(autouse=True)
def nothing_of_the_system(tmp_path, monkeypatch) -> None:
    """No authority of this machine, no settings of the user's libpq."""
    monkeypatch.setattr(tls, "_BUNDLES", ())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGHOST", "PGHOSTADDR"):
        monkeypatch.delenv(name, raising=False)


def dsn(database: Database, port: int, host: str = NAME, **more: str) -> str:
    names = ("user", "password", "dbname")
    given = {name: value for name, value in database.server.parameters.items() if name in names}
    return make_conninfo(
        "", **{**given, "dbname": database.name, "host": host, "hostaddr": "127.0.0.1", "port": port, **more}
    )


def encrypted(folder: Path, dsn: str, **options: Any) -> bool:
    """Whether the connection is; the server answers on it."""
    address = Address(ConnectionOptions(dsn=dsn, **options), context(folder, "postgres/queries"))
    with address.open(lambda parameters: psycopg.connect(**parameters)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        return bool(connection.pgconn.ssl_in_use)


def refused(folder: Path, dsn: str, **options: Any) -> tuple[str, str]:
    with pytest.raises(SinkError) as caught:
        encrypted(folder, dsn, **options)
    return caught.value.kind, str(caught.value)


def test_a_server_of_a_known_authority_is_verified(database, port, authority, tmp_path, caplog):
    assert encrypted(tmp_path, dsn(database, port), sslrootcert=str(authority.file))
    assert encrypted(tmp_path, dsn(database, port, sslrootcert=str(authority.file)))
    assert not caplog.text


def test_without_its_authority_it_is_refused(database, port, tmp_path):
    kind, message = refused(tmp_path, dsn(database, port))
    assert kind == "auth"
    assert "certificate verify failed; name the file with the certificate of its authority in sslrootcert" in message


def test_a_server_of_another_authority_is_refused(database, port, tmp_path):
    other = Authority.make(tmp_path / "wrong")
    kind, message = refused(tmp_path, dsn(database, port), sslrootcert=str(other.file))
    assert (kind, "certificate verify failed" in message) == ("auth", True)


def test_a_server_of_another_name_is_refused(database, port, authority, tmp_path):
    kind, message = refused(tmp_path, dsn(database, port, "other.shop.test"), sslrootcert=str(authority.file))
    assert kind == "auth"
    assert 'does not match host name "other.shop.test"; use the name that its certificate has' in message


@pytest.mark.parametrize("variable", ["PGSSLROOTCERT", "SSL_CERT_FILE"])
def test_the_environment_names_authorities(database, port, authority, tmp_path, monkeypatch, variable: str):
    monkeypatch.setenv(variable, str(authority.file))
    assert encrypted(tmp_path, dsn(database, port))


def test_the_users_own_file_counts_as_libpq_has_it(database, port, authority, tmp_path, monkeypatch):
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_bytes(authority.file.read_bytes())
    monkeypatch.setenv("HOME", str(tmp_path))
    assert encrypted(tmp_path, dsn(database, port))


def test_a_secret_of_rds_is_verified_too(database, port, authority, tmp_path, monkeypatch):
    """With the authorities of the image, which has Amazon's among the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    given = database.server.parameters
    secret = {"engine": "postgres", "host": RDS, "port": port, "username": given["user"], "dbname": database.name}
    assert encrypted(tmp_path, json.dumps({**secret, "password": given["password"]}))


def test_without_tls_on_the_server_nothing_is_sent(database, tmp_path):
    kind, message = refused(tmp_path, dsn(database, int(database.server.parameters["port"])))
    assert kind == "permanent"
    assert "server does not support SSL" in message
    assert "switch TLS on there, or set sslmode: disable, which encrypts nothing" in message


def test_a_mode_that_the_dsn_names_is_kept_with_one_warning(database, port, tmp_path, caplog):
    chosen = dsn(database, port, sslmode="require")
    assert [encrypted(tmp_path, chosen), encrypted(tmp_path, chosen)] == [True, True]
    plain = int(database.server.parameters["port"])
    assert not encrypted(tmp_path, dsn(database, plain, sslmode="prefer"))
    warnings = [record.getMessage() for record in caplog.records]
    told = "does not verify the server on another host; verify-full does"
    assert warnings == [
        f"{NAME}:{port}/{database.name}: sslmode require {told}",
        f"{NAME}:{plain}/{database.name}: sslmode prefer {told}",
    ]


def test_the_environment_may_name_the_mode(database, port, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PGSSLMODE", "require")
    assert encrypted(tmp_path, dsn(database, port))
    assert "sslmode require does not verify" in caplog.text


HERE = ["", "/var/run/postgresql", "@socket", "localhost", "LOCALHOST", "db.localhost", "127.0.0.1", "127.8.8.8", "::1"]
ELSEWHERE = ["db", "localhost.example", "10.0.0.1", "2001:db8::1", "127.0.0.1.example", "localhost,db", RDS]


@pytest.mark.parametrize("host", HERE)
def test_this_machine_need_not_prove_anything(host: str):
    assert tls.with_tls({"host": host}, {}) == {"host": host}
    assert tls.with_tls({}, {"PGHOST": host}) == {}
    assert tls.with_tls({"hostaddr": host}, {}) == {"hostaddr": host}


@pytest.mark.parametrize("host", ELSEWHERE)
def test_every_other_has_to(host: str):
    assert tls.with_tls({"host": host}, {})["sslmode"] == "verify-full"
    assert tls.with_tls({}, {"PGHOST": host})["sslmode"] == "verify-full"
    assert tls.with_tls({"host": host, "hostaddr": "127.0.0.1"}, {})["sslmode"] == "verify-full"


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_mode_that_somebody_chose_stays(mode: str):
    given = {"host": "db", "sslmode": mode}
    assert tls.with_tls(given, {}) == given
    assert tls.with_tls({"host": "db"}, {"PGSSLMODE": mode}) == {"host": "db"}


def test_a_service_of_libpq_has_its_own_settings():
    assert tls.with_tls({"service": "shop"}, {"PGHOST": "db"}) == {"service": "shop"}


def test_the_system_s_authorities_are_a_file_that_is_there(monkeypatch, tmp_path):
    bundle = tmp_path / "bundle.crt"
    bundle.touch()
    monkeypatch.setattr(tls, "_BUNDLES", (str(tmp_path / "none"), str(bundle)))
    assert tls.with_tls({"host": "db"}, {})["sslrootcert"] == str(bundle)
    assert tls.with_tls({"host": "db", "sslmode": "verify-full"}, {})["sslrootcert"] == str(bundle)
