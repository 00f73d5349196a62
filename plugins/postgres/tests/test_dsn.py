"""A dsn in any form is read as libpq reads it; an error about one repeats no part of it."""

from __future__ import annotations

import json
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from querygen_core.api import SinkError
from querygen_postgres.dsn import location_of, parse_dsn

RDS = {
    "username": "shop",
    "password": "pa ss",
    "engine": "postgres",
    "host": "db.abc.eu-west-1.rds.amazonaws.com",
    "port": 5432,
    "dbname": "catalogue",
    "dbInstanceIdentifier": "db",
}
AURORA = {**RDS, "dbClusterIdentifier": "cluster", "masterarn": "arn:aws:secretsmanager:eu-west-1:1:secret:x"}
HOST = RDS["host"]
CANARY = "CANARY"

READ = {
    "postgresql://u:p@h:1/d": ({"user": "u", "password": "p", "host": "h", "port": "1", "dbname": "d"}, "h:1/d"),
    "postgres://u:p@h/d": ({"user": "u", "password": "p", "host": "h", "dbname": "d"}, "h:5432/d"),
    "  postgresql://h/d\n": ({"host": "h", "dbname": "d"}, "h:5432/d"),
    "postgresql://u:p%40%2F%3A%25%20%C3%A9@h/d": (
        {"user": "u", "password": "p@/:% é", "host": "h", "dbname": "d"},
        "h:5432/d",
    ),
    "postgresql://u@[2001:db8::1]:5433/d": (
        {"user": "u", "host": "2001:db8::1", "port": "5433", "dbname": "d"},
        "[2001:db8::1]:5433/d",
    ),
    "postgresql://u:p@a:1,b:2/d?target_session_attrs=any": (
        {"user": "u", "password": "p", "host": "a,b", "port": "1,2", "dbname": "d", "target_session_attrs": "any"},
        "a,b:1,2/d",
    ),
    "postgresql://%2Fvar%2Frun%2Fpg/d": ({"host": "/var/run/pg", "dbname": "d"}, "/var/run/pg:5432/d"),
    "postgresql:///d?host=/tmp": ({"host": "/tmp", "dbname": "d"}, "/tmp:5432/d"),
    "postgresql://h/d?sslmode=verify-full&sslrootcert=/ca.pem": (
        {"host": "h", "dbname": "d", "sslmode": "verify-full", "sslrootcert": "/ca.pem"},
        "h:5432/d",
    ),
    "postgresql+psycopg://u:p@h/d": ({"user": "u", "password": "p", "host": "h", "dbname": "d"}, "h:5432/d"),
    "postgresql+asyncpg://u:p@h/d": ({"user": "u", "password": "p", "host": "h", "dbname": "d"}, "h:5432/d"),
    "host=h dbname=d user=u password='a \\'b\\' \\\\c'": (
        {"host": "h", "dbname": "d", "user": "u", "password": "a 'b' \\c"},
        "h:5432/d",
    ),
    "host=/tmp port=1 dbname=d": ({"host": "/tmp", "port": "1", "dbname": "d"}, "/tmp:1/d"),
    "hostaddr=10.0.0.1 user=u": ({"hostaddr": "10.0.0.1", "user": "u"}, "10.0.0.1:5432/u"),
    "service=shop": ({"service": "shop"}, "shop:5432/postgres"),
    "postgresql://": ({}, "localhost:5432/postgres"),
}

REFUSED = {
    "": "is empty",
    " \n": "is empty",
    "CANARY": "cannot be read",
    "host=h nonsense=CANARY": "cannot be read",
    "mysql://u:CANARY@h/d": "cannot be read",
    "jdbc:postgresql://h/d?password=CANARY": "cannot be read",
    "postgresql://u:CANARY%zz@h/d": "cannot be read",
    "postgresql://u:p@h/d?ssl=CANARY": "cannot be read",
    "host=h password='CANARY": "cannot be read",
    "host=h password=CANARY\udcff": "cannot be read",
    "postgresql://u:CANARY/x@h/d": "an unescaped '@'; in a URL",
    "postgresql://u:12/CANARY@h/d": "an unescaped '@'; in a URL",
    "postgresql://u:x@CANARY@h/d": "an unescaped '@'; in a URL",
    "postgresql://u:x@CANARY/x@h/d": "an unescaped '@'; in a URL",
    "postgresql://h:CANARY/d": "port is not a number",
    "host=h port=CANARY": "port is not a number",
    '{"password": "CANARY", ': "looks like JSON but is not valid JSON",
    '{"a":' * 100_000: "looks like JSON but is not valid JSON",
    '{"password": "CANARY", "username": "u"}': "has no 'host'",
    '{"host": "", "password": "CANARY"}': "has no 'host'",
    '{"host": "h", "port": "CANARY"}': "port is not a number",
    '{"host": "h", "engine": "mysql", "password": "CANARY"}': "the secret is for mysql, not for PostgreSQL",
    '{"host": "h", "engine": "CANARY"}': "the secret is for another database engine, not for PostgreSQL",
}


@pytest.mark.parametrize("text", READ)
def test_what_libpq_reads(text: str):
    assert (parse_dsn(text), location_of(parse_dsn(text))) == READ[text]


@pytest.mark.parametrize(
    "given", [RDS, AURORA, {**RDS, "port": "5432"}, {**RDS, "engine": "aurora-postgresql"}], ids=str
)
def test_what_rds_keeps_in_a_secret(given):
    found = parse_dsn(json.dumps(given))
    port = given["port"]
    assert found == {"user": "shop", "password": "pa ss", "host": HOST, "port": port, "dbname": "catalogue"}
    assert location_of(found) == f"{HOST}:5432/catalogue"


def test_what_a_secret_does_not_say_is_as_libpq_has_it():
    """The database is then called as the user."""
    some = {name: RDS[name] for name in ("username", "password", "host")}
    assert location_of(parse_dsn(json.dumps(some))) == f"{HOST}:5432/shop"
    assert parse_dsn(json.dumps({**some, "dbname": "", "port": None})) == parse_dsn(json.dumps(some))
    more = parse_dsn(json.dumps({**some, "engine": None, "sslmode": "verify-full", "database": "d"}))
    assert (more["sslmode"], more["dbname"]) == ("verify-full", "d")


def test_a_secret_leads_to_where_it_says(server):
    """To a real server, with the port as a number and as text, and with the database that libpq chooses."""
    some = {"username": "user", "password": "password", "host": "host"}
    secret = {name: server.parameters[key] for name, key in some.items()}
    for port in (int(server.parameters["port"]), str(server.parameters["port"])):
        parameters = parse_dsn(json.dumps({**secret, "port": port}))
        with psycopg.connect(**parameters) as connection:
            assert location_of(parameters).endswith(f":{port}/{connection.info.dbname}")


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30].encode("ascii", "replace").decode())
def test_what_is_none_is_said_without_a_word_of_it(text: str):
    with pytest.raises(SinkError, match=REFUSED[text]) as caught:
        parse_dsn(text)
    assert caught.value.kind == "permanent"
    assert CANARY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


PASSWORDS = st.text(st.sampled_from("aé/:@?#%&=[]{}'\"\\ ,+\t"), max_size=6)
NAMES = st.text("abc", min_size=1, max_size=3)


def written(how: str, user: str, password: str, host: str, database: str) -> str:
    """As a person would, who forgets to escape what has to be."""
    if how == "json":
        return json.dumps({"username": user, "password": password, "host": host, "dbname": database})
    if how == "broken json":
        return f'{{"username": "{user}", "password": "{password}", "host": "{host}"}}'
    if how == "pairs":
        return make_conninfo("", user=user, password=password, host=host, dbname=database)
    if how == "careless pairs":
        return f"user={user} password={password} host={host} dbname={database}"
    return f"postgresql://{user}:{quote(password, safe='') if how == 'url' else password}@{host}/{database}"


WAYS = ("json", "broken json", "pairs", "careless pairs", "url", "careless url")


@given(st.sampled_from(WAYS), NAMES, PASSWORDS, PASSWORDS, NAMES, NAMES)
@example("careless url", "u", "", "/x", "h", "d")
@example("careless url", "u", "a@", "", "h", "d")
@example("careless url", "u", "1/", "", "h", "d")
@example("careless url", "u", "1/2?dbname=", "&a=", "h", "d")
def test_no_part_of_a_password_is_shown(how: str, user: str, before: str, after: str, host: str, database: str):
    password = f"{before}{CANARY}{after}"
    try:
        found = parse_dsn(written(how, user, password, host, database))
    except SinkError as error:
        assert how not in ("json", "pairs", "url"), "this was written as it should be"
        assert CANARY not in f"{error}{error!r}{error.__cause__}"
        return
    assert CANARY not in location_of(found)
    if how in ("json", "pairs", "url"):
        assert found == {"user": user, "password": password, "host": host, "dbname": database}
        assert location_of(found) == f"{host}:5432/{database}"
