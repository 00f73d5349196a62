"""A server that crashes during COMMIT forgets the transaction, even that its number was in use."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from faults_embedded import Embedded, embedded, execute
from faults_world import closing, deliver, eventually, outcomes, settle, sink_to
from querygen_core.api import SinkError
from tcp_proxy import proxied

__all__ = ["embedded"]

_UNWRITTEN = (
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
)
"""So that what is not committed is in memory only, for longer than it takes to kill."""

_HELD_UP = """
CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_advisory_xact_lock_shared(42); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER held_up AFTER INSERT ON queries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_up()
"""
_COMMITTING = "SELECT backend_xid::text FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'advisory'"


def _number_of_commit(parameters: dict) -> str:
    assert eventually(lambda: execute(parameters, _COMMITTING))
    return execute(parameters, _COMMITTING)[0][0]


@pytest.mark.slow
@pytest.mark.parametrize("given_away", [False, True], ids=["unknown", "somebody else's"])
def test_the_number_of_a_transaction_that_a_crash_undid(embedded: Embedded, given_away):
    """The client hears nothing until the server is there again; by then its number is unknown, or another's."""
    wanted = outcomes(3)
    parameters = embedded.server.start()
    with proxied(str(parameters["host"]), int(parameters["port"])) as proxy, ThreadPoolExecutor(1) as pool:
        dsn = make_conninfo("", **{**parameters, "port": proxy.port})
        with closing(sink_to(dsn, embedded.place)) as sink:
            asyncio.run(sink.database.init())
            deliver(sink, [])
            for statement in (*_UNWRITTEN, _HELD_UP, "CHECKPOINT"):
                execute(parameters, statement)
            with psycopg.connect(**parameters, autocommit=True) as holder:
                holder.execute("SELECT pg_advisory_lock(42)")
                applied = pool.submit(lambda: asyncio.run(sink.apply(wanted)))
                number = _number_of_commit(parameters)
                proxy.pause()
                embedded.kill()
                assert eventually(lambda: holder.closed or not _lives(holder))
            parameters = embedded.server.start()
            try:
                if given_away:
                    execute(parameters, "DROP TRIGGER held_up ON queries")
                    if execute(parameters, f"SELECT pg_xact_status('{number}')") != [("committed",)]:
                        pytest.skip("the server had written the number down")
            finally:  # until then the delivery waits
                proxy.target = (str(parameters["host"]), int(parameters["port"]))
                proxy.resume()
            with pytest.raises(SinkError) as caught:
                applied.result()
            assert caught.value.kind == "retry"
            assert deliver(sink, wanted).counts == (12, 0, 0)
            settle(sink, embedded.rows, wanted)


def _lives(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
