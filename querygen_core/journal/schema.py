"""The journal's tables, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
import time
from functools import partial
from pathlib import Path

from querygen_core.errors import JournalError

VERSION = 2
_PATIENCE = 30.0  # seconds to wait for another process

_TABLES = """
CREATE TABLE runs(
  attempt INTEGER PRIMARY KEY, shard TEXT NOT NULL, started TEXT NOT NULL, finished TEXT,
  config TEXT NOT NULL, report TEXT) STRICT;

CREATE TABLE manifest(
  run INTEGER NOT NULL, ordinal INTEGER NOT NULL, key TEXT NOT NULL, content_hash TEXT NOT NULL,
  outcome_key TEXT NOT NULL, title TEXT NOT NULL, refs TEXT NOT NULL, raw_ref TEXT NOT NULL,
  state TEXT NOT NULL, settled INTEGER, previous TEXT, letter TEXT,
  PRIMARY KEY(run, ordinal)) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_key ON manifest(run, key);
CREATE INDEX manifest_settled ON manifest(run, settled) WHERE settled IS NOT NULL;
CREATE INDEX manifest_letter ON manifest(run, ordinal) WHERE letter IS NOT NULL;

CREATE TABLE answers(
  key TEXT NOT NULL, number INTEGER NOT NULL, usable INTEGER NOT NULL, body TEXT NOT NULL, checksum BLOB NOT NULL,
  PRIMARY KEY(key, number)) STRICT;
CREATE INDEX answers_unusable ON answers(key) WHERE usable = 0;
CREATE TABLE grants(key TEXT PRIMARY KEY, extra INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE intents(
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL, shard TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL,
  state TEXT NOT NULL) STRICT;
CREATE TABLE spent(
  shard TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, cost REAL NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, outcome_key TEXT NOT NULL UNIQUE, product_key TEXT NOT NULL,
  state TEXT NOT NULL, kept INTEGER NOT NULL, dropped TEXT NOT NULL, reasons TEXT NOT NULL, body BLOB NOT NULL,
  checksum BLOB NOT NULL) STRICT;
CREATE INDEX outcomes_product ON outcomes(product_key, seq);

CREATE TABLE letters(
  position INTEGER PRIMARY KEY, run INTEGER NOT NULL, sink TEXT NOT NULL, letter TEXT NOT NULL) STRICT;
CREATE TABLE facts(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, attempt INTEGER NOT NULL,
  shard INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
CREATE TABLE cursors(observer TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_SINCE_1 = """
ALTER TABLE spent RENAME TO spent_before;
CREATE TABLE spent(
  shard TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, cost REAL NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO spent SELECT '0/1', calls, tokens, cost FROM spent_before;
DROP TABLE spent_before;
"""

_STEPS = {0: _TABLES, 1: _SINCE_1}
"""What makes each layout the newest one."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the journal at `path`, made if it is not there.

    WAL with `synchronous=FULL`: a committed row survives a kill and a power cut.

    Raises:
        JournalError: it was written by a newer querygen.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")  # damaged text must reach its checksum
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA temp_store=MEMORY")
    _prepare(connection, path)
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite itself does not wait where several processes, say a job's shards, want this of a new file at once."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < VERSION:
            for statement in _STEPS[version].split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    if version > VERSION:
        connection.close()
        raise JournalError(
            f"journal {path}: layout {version} is of a newer querygen, this one knows {VERSION}; upgrade querygen"
        )
