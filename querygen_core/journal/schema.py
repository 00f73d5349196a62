"""Tables of the journal's database, and the connections to it."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from querygen_core.contracts.errors import JournalError
from querygen_core.journal.failures import SALVAGE, kind_of, make_private, open_private
from querygen_core.journal.run_lock import holder_of
from querygen_core.journal.write_queue import WriteQueue

_PATIENCE = 60.0  # seconds to wait for a lock of another process

REBUILDING, REBUILT = ".salvaging", ".salvaged"
"""Ends of the name of the database that `querygen salvage` makes of a damaged one: until it is complete, and from then
until it is in its place. While there is a file with one of them, nobody else opens the damaged one.
"""

_UNRELEASED = 2
"""Layouts up to this one were written by versions that nobody was given."""

_JOB_3 = """
CREATE TABLE runs(
  attempt INTEGER PRIMARY KEY, shard TEXT NOT NULL, started TEXT NOT NULL, finished TEXT,
  config TEXT NOT NULL, report TEXT) STRICT;

CREATE TABLE manifest(
  run INTEGER NOT NULL, ordinal INTEGER NOT NULL, key TEXT NOT NULL, content_hash TEXT NOT NULL,
  outcome_key TEXT NOT NULL, title TEXT NOT NULL, refs TEXT NOT NULL, raw_ref TEXT NOT NULL,
  version INTEGER NOT NULL, state TEXT NOT NULL, completed INTEGER, previous TEXT, dead_letter TEXT,
  PRIMARY KEY(run, ordinal)) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_key ON manifest(run, key);
CREATE INDEX manifest_completed ON manifest(run, completed) WHERE completed IS NOT NULL;
CREATE INDEX manifest_dead_letter ON manifest(run, ordinal) WHERE dead_letter IS NOT NULL;

CREATE TABLE outcomes(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, outcome_key TEXT NOT NULL UNIQUE, product_key TEXT NOT NULL,
  state TEXT NOT NULL, kept INTEGER NOT NULL, dropped TEXT NOT NULL, reasons TEXT NOT NULL, body BLOB NOT NULL,
  checksum BLOB NOT NULL) STRICT;
CREATE INDEX outcomes_product ON outcomes(product_key, seq);
CREATE INDEX outcomes_without_queries ON outcomes(product_key) WHERE state IN ('deleted', 'elsewhere');
CREATE TABLE products(
  key TEXT PRIMARY KEY, refs TEXT NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters(
  position INTEGER PRIMARY KEY, run INTEGER NOT NULL, sink TEXT NOT NULL, dead_letter TEXT NOT NULL) STRICT;
CREATE TABLE events(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, attempt INTEGER NOT NULL,
  shard INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
CREATE TABLE cursors(observer TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE job(one INTEGER PRIMARY KEY CHECK(one = 1), partitions INTEGER NOT NULL) STRICT;
"""

_ANSWERS_3 = """
CREATE TABLE answers(
  key TEXT NOT NULL, number INTEGER NOT NULL, usable INTEGER NOT NULL, job TEXT NOT NULL, run INTEGER NOT NULL,
  shard TEXT NOT NULL, time TEXT NOT NULL, cost REAL NOT NULL, body BLOB NOT NULL, checksum BLOB NOT NULL,
  sent INTEGER NOT NULL, PRIMARY KEY(key, number)) STRICT;
CREATE INDEX answers_time ON answers(time);
CREATE INDEX answers_unusable ON answers(job, key) WHERE usable = 0;
CREATE INDEX answers_unsent ON answers(key) WHERE sent = 0;

CREATE TABLE calls(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, number INTEGER NOT NULL, job TEXT NOT NULL, run INTEGER NOT NULL,
  shard TEXT NOT NULL, owner TEXT NOT NULL, time TEXT NOT NULL, until TEXT NOT NULL, cost REAL NOT NULL,
  state TEXT NOT NULL) STRICT;
CREATE INDEX calls_open ON calls(key) WHERE state = 'open';
CREATE INDEX calls_job ON calls(job, shard);
CREATE INDEX calls_time ON calls(time);

CREATE TABLE spent(
  job TEXT NOT NULL, run INTEGER NOT NULL, shard TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL,
  tokens INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY(job, run, shard, day)) STRICT, WITHOUT ROWID;
CREATE INDEX spent_day ON spent(day);
CREATE TABLE grants(
  job TEXT NOT NULL, key TEXT NOT NULL, extra INTEGER NOT NULL, PRIMARY KEY(job, key)) STRICT, WITHOUT ROWID;
"""

_UNCHANGED = ""
"""A step of one database only. All have the same number, so that a copy of another one is not taken for a newer one."""

_ANSWERS_4 = """
ALTER TABLE calls ADD COLUMN tokens INTEGER NOT NULL DEFAULT 16384;
"""
"""The most tokens that a call may have used. Of calls of layout 3 nobody knows it: the limit of the shipped prompts."""

_CACHE_3 = """
CREATE TABLE noted(
  job TEXT NOT NULL, run INTEGER NOT NULL, shard TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL,
  tokens INTEGER NOT NULL, cost REAL NOT NULL, PRIMARY KEY(job, run, shard, day)) STRICT, WITHOUT ROWID;
CREATE VIEW spending AS
  SELECT job, run, shard, day, max(calls) AS calls, max(tokens) AS tokens, max(cost) AS cost
  FROM (SELECT * FROM spent UNION ALL SELECT * FROM noted) GROUP BY job, run, shard, day;
CREATE TABLE segmented(
  job TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(job, key, number)) STRICT, WITHOUT ROWID;
CREATE TABLE segments_read(job TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(job, name)) STRICT, WITHOUT ROWID;
"""
"""What other machines' runs noted as their spending; the answers that are in a segment of a job; the segments of a job
that this machine has read.
"""

_CACHE_4 = """
CREATE TABLE noted_calls(
  job TEXT NOT NULL, run INTEGER NOT NULL, shard TEXT NOT NULL, day TEXT NOT NULL, until TEXT NOT NULL,
  calls INTEGER NOT NULL, tokens INTEGER NOT NULL, cost REAL NOT NULL,
  PRIMARY KEY(job, run, shard, day, until)) STRICT, WITHOUT ROWID;
"""
"""The calls of other machines' runs that had no answer when the runs wrote their last notes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables of a database, as the steps that lead to them."""

    steps: tuple[str, ...]
    """The first makes the first released layout of an empty database, each further one the next of the last. A step is
    never changed, only added.
    """

    @property
    def version(self) -> int:
        """The layout that this querygen reads and writes, kept as SQLite's `user_version`."""
        return _UNRELEASED + len(self.steps)


JOB = Layout((_JOB_3, _UNCHANGED))
"""`<state_dir>/<job>/journal.sqlite`: one job's manifest, outcomes, events and runs."""

ANSWERS = Layout((_ANSWERS_3, _ANSWERS_4))
"""`<state_dir>/answers.sqlite`: the answers of all jobs, the calls under way, and what was spent."""

CACHE = Layout((_ANSWERS_3 + _CACHE_3, _ANSWERS_4 + _CACHE_4))
"""`<state_dir>/answers-<hash>.sqlite`: the same as far as this machine knows a store that several machines use."""


def connect(path: Path, layout: Layout) -> sqlite3.Connection:
    """Open the database at `path`; make it, or bring it to the newest layout, where that is needed.

    WAL with `synchronous=FULL`: a committed row survives a kill and a power cut.

    Raises:
        JournalError: it was written by a newer querygen, or has no layout that any querygen has written, or it cannot
        be opened at the moment, or it is being salvaged.
        sqlite3.Error: any other failure.
    """
    check_files(path)
    path = followed(path)
    lock = lock_of(path)
    if _is_half_salvaged(path) and holder_of(lock) is not None:
        raise JournalError(f"journal {path}: `querygen salvage` is under way; run again when it has ended")
    turn = WriteQueue(lock)
    # `salvage` keeps its turn from before it looks for users of the file until the new file is in its place. From here
    # on it sees this connection, by the lock that SQLite holds on an open file.
    with closing(turn), turn:
        if _is_half_salvaged(path):
            problem = "`querygen salvage` was interrupted; run it again"
            raise JournalError(f"journal {path}: {problem}", kind="unusable")
        return connect_in_turn(path, layout)


def connect_reading(path: Path, layout: Layout) -> sqlite3.Connection | None:
    """Open the database at `path` to read what is committed; None if there is none. Changes nothing, waits for nobody.

    Raises:
        JournalError: it was written by a newer querygen, or has no layout that any querygen has written, or it is being
        salvaged.
        sqlite3.Error: any other failure.
    """
    if not path.exists():
        return None
    check_files(path)
    path = followed(path)
    if _is_half_salvaged(path):
        raise JournalError(f"journal {path}: `querygen salvage` is under way or was interrupted")
    # Not `mode=ro`: such a connection would leave the files of the log behind where nobody else uses the database.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        connection.execute("PRAGMA query_only=1")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        _check_version(version, path, layout)
    except BaseException:
        connection.close()
        raise
    if version == 0:  # somebody is making it at this moment
        connection.close()
        return None
    return connection


def check_files(path: Path) -> None:
    """Refuse what is in the place of the database, or of a file that SQLite makes beside it, and is not a file.

    SQLite reports devices, pipes and folders as errors of the disk, which another attempt may not meet.

    Raises:
        JournalError: with what to do about it.
    """
    for file in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal"))):
        problem = None
        try:
            if not stat.S_ISREG(file.stat().st_mode):
                problem = "is not a regular file"
        except FileNotFoundError:
            if file.is_symlink() and not (file == path and Path(os.path.realpath(file)).parent.is_dir()):
                problem = "is a symbolic link to nothing"
        except OSError as exc:
            raise JournalError(f"journal {file}: cannot be opened: {exc.strerror}", kind=kind_of(exc)) from None
        if problem is not None:
            raise JournalError(f"journal {file}: {problem}; move it away", kind="unusable")


def followed(path: Path) -> Path:
    """Where the database is if `path` is a link to it, since SQLite keeps its log there too."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def lock_of(path: Path) -> Path:
    """The file of the `WriteQueue` of the database at `path`."""
    path = followed(path)
    return path.with_name(f"{path.name}.lock")


def _is_half_salvaged(path: Path) -> bool:
    return any(path.with_name(f"{path.name}{end}").exists() for end in (REBUILDING, REBUILT))


def connect_in_turn(path: Path, layout: Layout) -> sqlite3.Connection:
    """As `connect`, for who knows that no other process opens the database now."""
    if not path.exists():
        _open_as_a_file(path)  # readable by its owner only, and so are the files that SQLite makes beside it
    make_private(path)
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
    except sqlite3.OperationalError:
        _open_as_a_file(path)
        raise
    try:
        connection.row_factory = sqlite3.Row
        # Damaged text must reach its checksum.
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        _use_wal(connection, path)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA cache_size=-16000")
        connection.execute("PRAGMA temp_store=MEMORY")
        # After a failed fsync, pages of the log may be in the system's memory only, which counts them as written.
        # Whoever opens the database next copies them into it, so that nothing later depends on them.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        _migrate(connection, path, layout)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_as_a_file(path: Path) -> None:
    """Raise JournalError with the system's own reason if it cannot be opened; SQLite does not tell one from another."""
    try:
        os.close(open_private(path))
    except OSError as exc:
        raise JournalError(f"journal {path}: cannot be opened: {exc.strerror}", kind=kind_of(exc)) from None


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Wait here, because SQLite does not where several processes (a job's shards) ask for WAL on a new file at once."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            break
    if mode != "wal":  # how SQLite reports an error of the disk here
        raise JournalError(f"journal {path}: the disk failed; run again, elsewhere if it persists (mode {mode})")


def _migrate(connection: sqlite3.Connection, path: Path, layout: Layout) -> None:
    """Take all missing steps in one transaction: a kill in between leaves the old layout whole."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        _check_version(version, path, layout)
        if version == 0 or _UNRELEASED < version < layout.version:
            _take_steps(connection, layout.steps[max(0, version - _UNRELEASED) :])
            connection.execute(f"PRAGMA user_version={layout.version}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _take_steps(connection: sqlite3.Connection, steps: Iterable[str]) -> None:
    for step in steps:
        for statement in step.split(";\n"):  # `executescript` would commit first
            connection.execute(statement)


def has_layout(connection: sqlite3.Connection, layout: Layout) -> bool:
    """Whether the tables, indexes and views are there as `layout`, or an earlier version of it, makes them.

    Others do no harm, except for triggers. Empty databases have it.

    Raises:
        sqlite3.Error: the database cannot be read.
    """
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    steps = layout.steps[: max(0, version - _UNRELEASED)]
    with closing(sqlite3.connect(":memory:")) as made:
        _take_steps(made, steps)
        expected = _definitions(made)
    there = _definitions(connection)
    if version == 0:
        return not there
    return bool(steps) and expected <= there and not any(kind == "trigger" for kind, _, _ in there)


def _definitions(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return {(row[0], row[1], row[2]) for row in connection.execute("SELECT type, name, sql FROM sqlite_schema")}


def _check_version(version: int, path: Path, layout: Layout) -> None:
    if version > layout.version:
        problem = f"its layout {version} is newer than {layout.version}, the last one supported; upgrade querygen"
    elif version < 0 or 0 < version <= _UNRELEASED:
        problem = f"it has no layout of querygen's ({version}); {SALVAGE}"
    else:
        return
    raise JournalError(f"journal {path}: {problem}", kind="unusable")
