"""A server that is there and refuses: locked, read-only, full, or with another password than yesterday."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from faults_world import (
    closing,
    deliver,
    drop_role,
    eventually,
    outcomes,
    prepare,
    settle,
    sink_to,
    through,
)
from postgres_server import Database
from querygen_core.api import Secret, SinkError
from querygen_postgres.sink import QueriesSink
from tcp_proxy import proxied

WANTED = outcomes(5)
_OURS = "FROM pg_stat_activity WHERE application_name = 'querygen:test-job' AND datname = current_database()"
_END = f"SELECT pg_terminate_backend(pid, 5000) {_OURS}"


@pytest.fixture
def place(database, tmp_path) -> Database:
    prepare(database, tmp_path)
    return database


@pytest.fixture
def role(place) -> Iterator[str]:
    """One that is not superuser and may do all that is needed; `database.as_role` made its password."""
    name = f"writer_{place.name}"
    place.as_role(name, "first")
    place.rows(f"GRANT ALL ON ALL TABLES IN SCHEMA public, querygen TO {name}")
    place.rows(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}; GRANT USAGE ON SCHEMA querygen TO {name}")
    yield name
    drop_role(place, name)


def _refusal(sink: QueriesSink) -> SinkError:
    with pytest.raises(SinkError) as caught:
        asyncio.run(sink.apply(WANTED))
    return caught.value


def test_a_lock_that_lasts(place, tmp_path):
    with closing(sink_to(place.dsn, tmp_path, lock_timeout=1)) as sink:
        deliver(sink, [])
        with psycopg.connect(place.dsn) as holder:
            holder.execute("LOCK TABLE queries")
            refused = _refusal(sink)
        assert refused.kind == "retry"
        assert "lock timeout" in str(refused)
        assert deliver(sink, WANTED).counts == (20, 0, 0)
        settle(sink, place.rows, WANTED)


def test_a_lock_that_ends_in_time(place, tmp_path):
    with closing(sink_to(place.dsn, tmp_path)) as sink:
        deliver(sink, [])
        with psycopg.connect(place.dsn, autocommit=True) as holder:
            holder.execute("BEGIN; LOCK TABLE queries; SELECT pg_sleep(0.3)")
            asyncio.run(_apply_and_release(sink, holder))
        settle(sink, place.rows, WANTED)


async def _apply_and_release(sink: QueriesSink, holder: psycopg.Connection) -> None:
    applying = asyncio.create_task(sink.apply(WANTED))
    await asyncio.sleep(0.2)
    assert not applying.done()
    holder.execute("COMMIT")
    assert sum(receipt.delivered for receipt in await applying) == 20


def test_new_connections_are_read_only(place, tmp_path):
    """As after a failover that has not got through to everybody."""
    with closing(sink_to(place.dsn, tmp_path)) as sink:
        deliver(sink, WANTED[:2])
        place.rows(f"ALTER DATABASE {place.name} SET default_transaction_read_only = on")
        place.rows(_END)
        refused = _refusal(sink)
        assert refused.kind == "retry"
        assert "read-only" in str(refused)
        with psycopg.connect(place.dsn, autocommit=True) as admin:
            admin.execute("SET default_transaction_read_only = off")
            admin.execute(f"ALTER DATABASE {place.name} RESET default_transaction_read_only")
        settle(sink, place.rows, WANTED)


def test_a_connection_that_becomes_read_only_is_given_up(place, tmp_path):
    """Its server is not the one to write to any more; the next connection may find the one that is."""
    with closing(sink_to(place.dsn, tmp_path)) as sink:
        deliver(sink, WANTED[:2])
        try:
            place.rows("ALTER SYSTEM SET default_transaction_read_only = on")
            place.rows("SELECT pg_reload_conf()")
            assert eventually(lambda: place.value("SHOW default_transaction_read_only") == "on")
            refused = _refusal(sink)
        finally:
            with psycopg.connect(place.dsn, autocommit=True) as admin:
                admin.execute("SET default_transaction_read_only = off")
                admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
                admin.execute("SELECT pg_reload_conf()")
        assert refused.kind == "retry"
        assert eventually(lambda: place.value(f"SELECT count(*) {_OURS}") == 0)
        assert eventually(lambda: place.value("SHOW default_transaction_read_only") == "off")
        settle(sink, place.rows, WANTED)


def test_too_many_connections(place, role, tmp_path):
    dsn = make_conninfo(place.dsn, user=role, password="first")
    with closing(sink_to(dsn, tmp_path)) as sink:
        for limit, lift in (
            (f"ALTER ROLE {role} CONNECTION LIMIT 0", f"ALTER ROLE {role} CONNECTION LIMIT -1"),
            (f"ALTER DATABASE {place.name} CONNECTION LIMIT 0", f"ALTER DATABASE {place.name} CONNECTION LIMIT -1"),
        ):
            place.rows(_END)
            place.rows(limit)
            refused = _refusal(sink)
            assert refused.kind == "retry"
            assert "too many connections" in str(refused)
            place.rows(lift)
            settle(sink, place.rows, WANTED)


class Vault:
    """A source of secrets. asked: how often it was asked."""

    def __init__(self, *values: str) -> None:
        self.values = list(values)
        self.asked = 0

    def secret(self) -> Secret:
        return Secret("vault:db", self._fetch)

    def _fetch(self) -> str:
        self.asked += 1
        return self.values[min(self.asked, len(self.values)) - 1]


def test_a_wrong_password_is_fetched_again_once(place, role, tmp_path, caplog):
    vault = Vault("wrong horse", "wrong battery")
    dsn = make_conninfo(place.dsn, user=role, password="staple wrong")
    with closing(sink_to(dsn, tmp_path, password=vault.secret())) as sink:
        refused = _refusal(sink)
    assert (refused.kind, refused.exit_code) == ("auth", 77)
    assert "password authentication failed" in str(refused)
    assert vault.asked == 2
    told = f"{refused} {refused!r} {refused.__cause__!r} {refused.__context__!r} {caplog.text} {sink.identity}"
    for secret in ("wrong horse", "wrong battery", "staple"):
        assert secret not in told


@pytest.mark.parametrize("holder", ["password", "dsn"])
def test_a_rotated_password(place, role, tmp_path, caplog, holder):
    """The connection is lost after the password has changed; nobody notices."""
    dsn = make_conninfo(place.dsn, user=role, password="first")
    if holder == "dsn":
        vault = Vault(dsn, make_conninfo(dsn, password="second"))
        sink = sink_to(vault.secret(), tmp_path)
    else:
        vault = Vault("first", "second")
        sink = sink_to(dsn, tmp_path, password=vault.secret())
    with closing(sink):
        deliver(sink, WANTED[:2])
        place.rows(f"ALTER ROLE {role} PASSWORD 'second'")
        assert vault.asked == 1
        place.rows(_END)
        done = deliver(sink, WANTED)
        assert (done.counts, done.failures, vault.asked) == ((12, 8, 0), [], 2)
        settle(sink, place.rows, WANTED)
        assert vault.asked == 2
    assert "second" not in caplog.text


@pytest.mark.slow
def test_a_black_hole(place, tmp_path):
    """An open connection waits; a new one times out."""
    server = place.server.parameters
    with proxied(str(server["host"]), int(server["port"])) as proxy:
        dsn = through(place.dsn, proxy.port)
        with closing(sink_to(dsn, tmp_path, connect_timeout=2)) as sink:
            deliver(sink, WANTED[:2])
            proxy.pause()
            with closing(sink_to(dsn, tmp_path, connect_timeout=2)) as late:
                assert _refusal(late).kind == "retry"
            asyncio.run(_apply_and_resume(sink, proxy))
            settle(sink, place.rows, WANTED)


async def _apply_and_resume(sink: QueriesSink, proxy) -> None:
    applying = asyncio.create_task(sink.apply(WANTED))
    await asyncio.sleep(0.2)
    assert not applying.done()
    proxy.resume()
    assert sum(receipt.delivered for receipt in await applying) == 12
