"""Errors of a real server are classified: retry, auth, data or permanent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from querygen_postgres.failures import column_of, describe, kind_of, sink_error

LAB = """
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE lab (
  id int PRIMARY KEY, small varchar(5), needed int NOT NULL DEFAULT 1,
  parent int REFERENCES parent, positive int CONSTRAINT above_zero CHECK (positive > 0));
INSERT INTO lab (id) VALUES (1)
"""

FOREIGN = (
    'insert or update on table "lab" violates foreign key constraint "lab_parent_fkey": '
    'Key (parent)=(7) is not present in table "parent".'
)
STATEMENTS = {
    "unique": (
        "INSERT INTO lab (id) VALUES (1)",
        "data",
        'duplicate key value violates unique constraint "lab_pkey": Key (id)=(1) already exists.',
    ),
    "check": (
        "INSERT INTO lab (id, positive) VALUES (2, 0)",
        "data",
        'new row for relation "lab" violates check constraint "above_zero"',
    ),
    "foreign-key": ("INSERT INTO lab (id, parent) VALUES (2, 7)", "data", FOREIGN),
    "not-null": (
        "INSERT INTO lab (id, needed) VALUES (2, NULL)",
        "data",
        'column needed: null value in column "needed" of relation "lab" violates not-null constraint',
    ),
    "range": ("SELECT 3000000000::int", "data", "integer out of range"),
    "length": (
        "INSERT INTO lab (id, small) VALUES (2, 'longer')",
        "data",
        "value too long for type character varying(5)",
    ),
    "json": ('SELECT \'{"a": "\\u0000"}\'::jsonb', "data", "unsupported Unicode escape sequence"),
    "table": ("SELECT * FROM nowhere", "permanent", 'relation "nowhere" does not exist'),
    "column": ("SELECT nothing FROM lab", "permanent", 'column "nothing" does not exist'),
    "syntax": ("SELEKT", "permanent", 'syntax error at or near "SELEKT"'),
    "read-only": (
        "SET transaction_read_only = on; DELETE FROM lab",
        "retry",
        "cannot execute DELETE in a read-only transaction",
    ),
    "statement-timeout": (
        "SET statement_timeout = 20; SELECT pg_sleep(5)",
        "retry",
        "canceling statement due to statement timeout",
    ),
    "terminated": (
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "retry",
        "terminating connection due to administrator command",
    ),
    "raised": (
        "DO $$ BEGIN RAISE EXCEPTION 'two\nlines of %', repeat('x', 400); END $$",
        "data",
        f"two lines of {'x' * 287}…",
    ),
}

STATES = {
    "08006": "retry",
    "25006": "retry",
    "25P02": "permanent",
    "25P03": "retry",
    "40001": "retry",
    "40P01": "retry",
    "53100": "retry",
    "53200": "retry",
    "53300": "retry",
    "55000": "permanent",
    "55006": "retry",
    "55P03": "retry",
    "57014": "retry",
    "57P01": "retry",
    "57P03": "retry",
    "58030": "retry",
    "28000": "auth",
    "28P01": "auth",
    "42501": "auth",
    "22001": "data",
    "22P02": "data",
    "23505": "data",
    "23P01": "data",
    "44000": "data",
    "54000": "data",
    "P0001": "data",
    "0A000": "permanent",
    "26000": "permanent",
    "3D000": "permanent",
    "3F000": "permanent",
    "42601": "permanent",
    "42703": "permanent",
    "42883": "permanent",
    "42P01": "permanent",
    "F0000": "permanent",
    "XX000": "permanent",
    "XX001": "permanent",
}


def error_of(dsn: str, statement: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught, psycopg.connect(dsn) as connection:
        connection.execute(statement.encode())
    return caught.value


def refused(dsn: str, **changes: object) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        psycopg.connect(make_conninfo(dsn, **changes))
    return caught.value


@pytest.mark.parametrize("name", STATEMENTS)
def test_what_a_statement_fails_with(database, name: str):
    for statement in LAB.split(";"):
        database.rows(statement)
    statement, kind, words = STATEMENTS[name]
    error = error_of(database.dsn, statement)
    assert (kind_of(error), describe(error)) == (kind, words)
    failure = sink_error(error, "host/shop")
    assert (failure.kind, str(failure)) == ("permanent" if kind == "data" else kind, f"host/shop: {words}")


def test_every_class_of_states(server):
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        found = {}
        for state in STATES:
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(f"DO $$ BEGIN RAISE 'no' USING ERRCODE = '{state}'; END $$".encode())
            assert caught.value.sqlstate == state
            found[state] = kind_of(caught.value)
    assert found == STATES


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((2, "longer", 1), "column small: value too long for type character varying(5)"),
        ((2**31, "x", 1), 'column id: value "2147483648" is out of range for type integer'),
        ((2, "x", None), 'column needed: null value in column "needed" of relation "lab" violates not-null constraint'),
        ((2, "x", "two"), 'column needed: invalid input syntax for type integer: "two"'),
        ((1, "x", 1), 'duplicate key value violates unique constraint "lab_pkey": Key (id)=(1) already exists.'),
    ],
)
def test_the_column_of_a_copied_row_is_named(database, row, words: str):
    for statement in LAB.split(";"):
        database.rows(statement)
    with pytest.raises(psycopg.Error) as caught, psycopg.connect(database.dsn) as connection:
        copy(connection, "COPY lab (id, small, needed) FROM STDIN", (3, "fine", 1), row)
    assert (kind_of(caught.value), describe(caught.value)) == ("data", words)
    assert (column_of(caught.value) or "") == words.partition(": ")[0].removeprefix("column ") * words.startswith("col")


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_holds_is_the_datas_fault(server, text: str):
    with psycopg.connect(server.dsn()) as connection:
        connection.execute("CREATE TEMP TABLE t (a text)")
        connection.commit()
        for act in (
            lambda: connection.execute("SELECT %s", [text]),
            lambda: copy(connection, "COPY t FROM STDIN", [text]),
        ):
            with pytest.raises((psycopg.DataError, UnicodeError)) as caught:
                act()
            assert kind_of(caught.value) == "data"
            connection.rollback()


def copy(connection: psycopg.Connection, statement: str, *rows: Sequence[object]) -> None:
    with connection.cursor().copy(statement.encode()) as copied:
        for row in rows:
            copied.write_row(row)


@pytest.fixture
def held(database) -> Iterator[psycopg.Connection]:
    """Has the first of two rows locked."""
    database.rows("CREATE TABLE t AS SELECT generate_series(1, 2) AS n")
    with psycopg.connect(database.dsn) as connection:
        connection.execute("SELECT FROM t WHERE n = 1 FOR UPDATE")
        yield connection


def test_a_lock_that_is_not_had_in_time(database, held):
    error = error_of(database.dsn, "SET lock_timeout = 20; UPDATE t SET n = 3 WHERE n = 1")
    assert (kind_of(error), describe(error)) == ("retry", "canceling statement due to lock timeout")


def test_a_deadlock(database, held):
    """The other one waits first and looks for a deadlock last, so it is ours that is broken."""
    other = psycopg.connect(database.dsn)
    other.execute("SET deadlock_timeout = '60s'")
    other.execute("SELECT FROM t WHERE n = 2 FOR UPDATE")
    waiting = threading.Thread(target=other.execute, args=["SELECT FROM t WHERE n = 1 FOR UPDATE"])
    waiting.start()
    while not database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        time.sleep(0.01)
    held.execute("SET deadlock_timeout = '10ms'")
    with pytest.raises(psycopg.Error) as caught:
        held.execute("SELECT FROM t WHERE n = 2 FOR UPDATE")
    held.rollback()
    waiting.join()
    other.close()
    assert (kind_of(caught.value), describe(caught.value)) == ("retry", "deadlock detected")


def test_what_may_not_be_done(database):
    database.rows("CREATE TABLE t (n int)")
    error = error_of(database.as_role(f"r_{database.name}"), "SELECT * FROM t")
    assert (kind_of(error), describe(error)) == ("auth", "permission denied for table t")


def test_refused_credentials(database):
    role = f"r_{database.name}"
    dsn = database.as_role(role)
    for changes, words in (
        ({"password": "canary"}, f'password authentication failed for user "{role}"'),
        ({"user": "nobody_here"}, 'password authentication failed for user "nobody_here"'),
        ({"password": ""}, "fe_sendauth: no password supplied"),
    ):
        error = refused(dsn, **changes)
        assert kind_of(error) == "auth"
        assert describe(error).endswith(words)
    for statement, words in (
        (
            f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC",
            f'permission denied for database "{database.name}"',
        ),
        (f"ALTER ROLE {role} NOLOGIN", f'role "{role}" is not permitted to log in'),
    ):
        database.rows(statement)
        error = refused(dsn)
        assert kind_of(error) == "auth"
        assert words in describe(error)


def test_what_is_not_there(database):
    error = refused(database.dsn, dbname="nowhere")
    assert kind_of(error) == "permanent"
    assert describe(error).endswith('FATAL: database "nowhere" does not exist')
    error = refused(database.dsn, sslmode="require")
    assert kind_of(error) == "permanent"
    assert describe(error).endswith("server does not support SSL, but SSL was required")


def test_a_server_that_has_no_room_or_only_reads_now(database):
    role = f"r_{database.name}"
    dsn = database.as_role(role)
    database.rows(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    error = refused(dsn)
    assert kind_of(error) == "retry"
    assert describe(error).endswith(f'FATAL: too many connections for role "{role}"')
    database.rows(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    error = refused(database.dsn, target_session_attrs="read-write")
    assert kind_of(error) == "retry"
    assert describe(error).endswith("session is read-only")


@pytest.mark.parametrize("hosts", [1, 2])
def test_nobody_listens(hosts: int):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hosts = ",".join(["127.0.0.1"] * hosts)
    error = refused("user=u dbname=d", host=hosts, port=port)
    assert kind_of(error) == "retry"
    assert describe(error).endswith(f'connection to server at "127.0.0.1", port {port} failed: Connection refused')


def test_what_is_no_error_of_a_database_is_a_bug():
    assert kind_of(ZeroDivisionError("x")) == "permanent"
    assert describe(ZeroDivisionError("two\nlines")) == "two lines"
