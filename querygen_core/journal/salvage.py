"""Makes a new database of what can still be read of a damaged one, which is moved aside and never deleted."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from querygen_core.contracts.errors import JournalError
from querygen_core.formats import sync_folder
from querygen_core.journal.codec import (
    ANSWER_COLUMNS,
    OUTCOME_COLUMNS,
    decode_answer,
    decode_dead_letter,
    load,
    row_checksum,
)
from querygen_core.journal.failures import kind_of
from querygen_core.journal.raw_pages import rows_of
from querygen_core.journal.row_checks import is_sound
from querygen_core.journal.run_lock import RunLock
from querygen_core.journal.schema import (
    JOB,
    REBUILDING,
    REBUILT,
    Layout,
    check_files,
    connect_in_turn,
    followed,
    has_layout,
    lock_of,
)
from querygen_core.journal.spending import raise_spending
from querygen_core.journal.sqlite import ANSWERS_FILE, layout_of_answers
from querygen_core.journal.write_queue import WriteQueue

_PROVEN: Mapping[str, Sequence[str]] = {"answers": ANSWER_COLUMNS, "outcomes": OUTCOME_COLUMNS}
"""Tables whose rows have a checksum, and the columns that it covers."""

_JSON: Mapping[str, Sequence[str]] = {
    "runs": ("config", "report"),
    "manifest": ("refs", "dead_letter"),
    "products": ("refs",),
    "dead_letters": ("dead_letter",),
    "events": ("data",),
}
"""Columns of other tables that are JSON, or null."""

_CHECKED = ("calls", "grants", "noted", "noted_calls", "spent")
"""Tables whose rows have neither."""

_SHARED_LOCK = (510, 0x40000002)
"""The bytes on which every connection of SQLite to a file holds a lock: their number, and the first."""

_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""How a damaged page or a damaged name shows."""

Row = Mapping[str, Any]


@dataclass(slots=True)
class Salvaged:
    """What became of one database."""

    path: Path
    """The database."""
    damaged: Path | None = None
    """Where the damaged file is now; None if the database was whole and is as it was."""
    kept: dict[str, int] = field(default_factory=dict)
    """Rows that the new database has, by table."""
    lost: dict[str, int] = field(default_factory=dict)
    """Rows that are known to be lost, by table."""
    unread: list[str] = field(default_factory=list)
    """Tables of which parts could not be read, so that more may be lost than is known."""


def salvage_job(folder: Path, job_id: str) -> list[Salvaged]:
    """Salvage the database of a job, and the answers of all jobs beside its folder.

    Raises:
        JournalError: a run is under way, or as `salvage`.
    """
    names = {folder / "lock-0-of-1", *folder.glob("lock-*")} if folder.is_dir() else set()
    locks = [RunLock(path, job_id) for path in sorted(names)]
    with ExitStack() as held:
        for lock in locks:
            lock.take()
            held.callback(lock.release)
        found = {path.with_name(path.name.removesuffix(REBUILT)) for path in folder.parent.glob("answers*.sqlite*")}
        answers = sorted({folder.parent / ANSWERS_FILE, *(path for path in found if path.suffix == ".sqlite")})
        databases = [(folder / "journal.sqlite", JOB), *((path, layout_of_answers(path)) for path in answers)]
        results = [salvage(path, layout) for path, layout in databases]
    return [result for result in results if result is not None]


def salvage(path: Path, layout: Layout) -> Salvaged | None:
    """Replace the database at `path` by what can be read of it, if it is damaged. None if there is none.

    May be interrupted anywhere and repeated: until the new file is complete, the old one stays where it is. No other
    process can open it meanwhile.

    Raises:
        JournalError: another process uses it, it is of a newer layout or not a file, or the disk is full or not
        writable.
    """
    check_files(path)
    path = followed(path)
    complete = path.with_name(f"{path.name}{REBUILT}")
    if not path.exists() and not complete.exists():
        return None
    turn = WriteQueue(lock_of(path))
    with closing(turn), turn:
        try:
            return _replace_if_damaged(path, layout, complete)
        except OSError as exc:
            raise JournalError(f"salvage of {path}: {exc.strerror or exc}", kind=kind_of(exc)) from None


def _replace_if_damaged(path: Path, layout: Layout, complete: Path) -> Salvaged:
    _refuse_if_used(path)
    if complete.exists():
        result = Salvaged(path, kept=_counts(complete))
    else:
        _remove_incomplete(path)
        if _is_whole(path, layout):
            return Salvaged(path)
        result = _rebuild(path, layout, complete)
    result.damaged = _swap(path, complete)
    return result


def _refuse_if_used(path: Path) -> None:
    """A connection that is open would go on writing to the file that is moved aside. New ones wait for our turn's end.

    Only a look: the system drops this lock as soon as this process closes any handle of the file.
    """
    if not path.exists():
        return
    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *_SHARED_LOCK)
        except OSError:
            raise JournalError(f"{path} is being used by another process; try again when it has ended") from None


def _is_whole(path: Path, layout: Layout) -> bool:
    """Whether SQLite finds nothing wrong with it and every row is as it was written.

    Raises:
        JournalError: it was written by a newer querygen.
    """
    try:
        with closing(_read_only(path)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > layout.version:
                message = f"{path}: its layout {version} is newer than {layout.version}; upgrade querygen"
                raise JournalError(message, kind="unusable")
            if not has_layout(db, layout) or [row[0] for row in db.execute("PRAGMA integrity_check")] != ["ok"]:
                return False
            return all(
                _is_intact(table, dict(row)) for table in _tables(db) for row in db.execute(f"SELECT * FROM {table}")
            )
    except _UNREADABLE:
        return False


def _rebuild(path: Path, layout: Layout, complete: Path) -> Salvaged:
    """Write everything that can be read to a new file, which is called `complete` when it is complete."""
    new = path.with_name(f"{path.name}{REBUILDING}")
    connect_in_turn(new, layout).close()
    result = Salvaged(path)
    with closing(sqlite3.connect(new, isolation_level=None)) as target:
        target.row_factory = sqlite3.Row
        # Until it is complete nobody needs it; then all of it is forced to the disk at once.
        target.execute("PRAGMA journal_mode=OFF")
        target.execute("PRAGMA synchronous=OFF")
        target.execute("BEGIN")
        _copy_tables(path, target, result)
        if layout is not JOB:
            _add_answers_from_pages(path, target)
            _count_lost_answers(path, target, result)
            if "spent" in {*result.unread, *result.lost}:
                raise_spending(target, map(decode_answer, map(dict, target.execute("SELECT * FROM answers"))))
        else:
            for table in ("manifest", "dead_letters"):  # of a lost run, whose number the next one may get
                target.execute(f"DELETE FROM {table} WHERE run NOT IN (SELECT attempt FROM runs)")
        target.execute("COMMIT")
        result.kept = _counts_of(target)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    new.rename(complete)
    sync_folder(path.parent)
    return result


def _remove_incomplete(path: Path) -> None:
    """Remove what an attempt left that was interrupted before its database was complete."""
    for leftover in path.parent.glob(f"{path.name}{REBUILDING}*"):
        leftover.unlink()


def _swap(path: Path, complete: Path) -> Path:
    """Move the damaged files aside, the new one to their place. While `complete` is there, nothing else uses them."""
    aside = _name_aside(path)
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        log.rename(aside.with_name(f"{aside.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)  # only an index of the log, made anew when it is needed
    sync_folder(path.parent)
    complete.rename(path)
    sync_folder(path.parent)
    return aside


def _name_aside(path: Path) -> Path:
    """Give the damaged file its second name, so that there is a file at `path` at any time. Returns that name."""
    for aside in path.parent.glob(f"{path.name}.damaged-*"):
        if path.exists() and aside.samefile(path):  # from an attempt that was interrupted
            return aside
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    names = (path.with_name(f"{path.name}.damaged-{time}{number}") for number in numbers)
    aside = next(name for name in names if not name.exists())
    if path.exists():
        try:
            aside.hardlink_to(path)
        except OSError:  # not every file system has links
            path.rename(aside)
    return aside


def _copy_tables(path: Path, target: sqlite3.Connection, result: Salvaged) -> None:
    for table in _tables(target):
        columns = list(target.execute(f"PRAGMA table_info({table})"))
        # A column that a later layout has added has a default, for rows of an earlier one.
        needed = {row["name"] for row in columns if row["dflt_value"] is None}
        lost = 0
        try:
            for row in _readable(path, table, _order(target, table)):
                whole = needed <= row.keys() and _is_intact(table, row)
                known = {column["name"]: row[column["name"]] for column in columns if column["name"] in row}
                lost += not (whole and _insert(target, table, known))
        except _UNREADABLE:
            result.unread.append(table)
        if lost:
            result.lost[table] = lost


def _readable(path: Path, table: str, order: str) -> Iterator[Row]:
    """The rows before the first damaged page, then those behind the last one.

    Raises:
        sqlite3.Error: after all that could be read, if that was not everything.
    """
    try:
        yield from _scan(path, f"SELECT * FROM {table} ORDER BY {order}")
    except _UNREADABLE as exc:
        with suppress(*_UNREADABLE):
            yield from _scan(
                path, f"SELECT * FROM {table} ORDER BY {', '.join(f'{c} DESC' for c in order.split(', '))}"
            )
        raise exc from None


def _scan(path: Path, query: str) -> Iterator[Row]:
    with closing(_read_only(path)) as db:
        for row in db.execute(query):
            yield dict(row)


def _add_answers_from_pages(path: Path, target: sqlite3.Connection) -> None:
    """Add the answers to which no page leads any more."""
    for _, row in _answers_of_pages(path, target):
        _insert(target, "answers", row)


def _answers_of_pages(path: Path, target: sqlite3.Connection) -> Iterator[tuple[int | None, Row]]:
    """Rowid and row of all answers on any page. Their checksums prove them."""
    columns = [(row["name"], row["type"]) for row in target.execute("PRAGMA table_info(answers)")]
    for rowid, values in rows_of(path):
        if len(values) == len(columns):
            # A whole number in a column of this type is stored as an integer.
            typed = (
                float(value) if kind == "REAL" and isinstance(value, int) else value
                for value, (_, kind) in zip(values, columns, strict=True)
            )
            row = dict(zip((name for name, _ in columns), typed, strict=True))
            if _is_intact("answers", row):
                yield rowid, row


def _count_lost_answers(path: Path, target: sqlite3.Connection, result: Salvaged) -> None:
    """Count the answers that the damaged database's own index names and the new database has not."""
    found = "SELECT 1 FROM answers WHERE key = ? AND number = ?"
    missing: set[int] = set()
    least = 0
    try:
        for place in _scan(path, "SELECT rowid, key, number FROM answers ORDER BY key, number"):
            if target.execute(found, (place["key"], place["number"])).fetchone() is None:
                missing.add(place["rowid"])
        result.unread = [table for table in result.unread if table != "answers"]
    except _UNREADABLE:
        least = result.lost.get("answers", 0)
    if missing:  # or only the index is damaged there: then its row is kept, under its own key
        missing -= {rowid for rowid, _ in _answers_of_pages(path, target) if rowid is not None}
    result.lost.pop("answers", None)
    if lost := max(len(missing), least):
        result.lost["answers"] = lost


def _insert(target: sqlite3.Connection, table: str, row: Row) -> bool:
    """False if it does not fit into the table; a row that is there already counts as inserted."""
    marks = ", ".join("?" * len(row))
    try:
        target.execute(f"INSERT OR IGNORE INTO {table}({', '.join(row)}) VALUES ({marks})", (*row.values(),))
    except _UNREADABLE:  # damage may have made a number of a text
        return False
    return True


def _is_intact(table: str, row: Row) -> bool:
    if table in _CHECKED:
        return is_sound(row)
    try:
        if table in _PROVEN:
            return bool(row["checksum"] == row_checksum(row, _PROVEN[table]))
        for name in _JSON.get(table, ()):
            if row[name] is not None:
                (decode_dead_letter if name == "dead_letter" else load)(row[name])
    except (JournalError, TypeError):
        return False
    return True


def _order(target: sqlite3.Connection, table: str) -> str:
    """The columns by which the table's own pages are ordered, so that a scan meets them one after the other."""
    without_rowid = target.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).fetchone()[0]
    if not without_rowid:
        return "rowid"
    keys = target.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk")
    return ", ".join(row["name"] for row in keys)


def _tables(db: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [row[0] for row in db.execute(query)]


def _counts(path: Path) -> dict[str, int]:
    with closing(_read_only(path)) as db:
        return _counts_of(db)


def _counts_of(db: sqlite3.Connection) -> dict[str, int]:
    return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _tables(db)}


def _read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes neither the database nor its log."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.text_factory = partial(str, encoding="utf-8", errors="replace")
    return db
