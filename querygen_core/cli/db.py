"""The databases that the parts of a config live in: made ready, looked at, asked. What they are is up to the parts."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from math import isfinite
from shlex import join
from typing import Any, TypeVar

from querygen_core.cli.check import Attempts, data_parts, with_parts
from querygen_core.cli.loading import load
from querygen_core.cli.main import show
from querygen_core.engine.build import Builder
from querygen_core.errors import Exit, PluginError, UsageError
from querygen_core.logs import configure
from querygen_core.masking import mask, printable
from querygen_core.protocols import Database
from querygen_core.records import Finding, ResultSet

T = TypeVar("T")
Databases = Mapping[str, Sequence[Database]]

_NEEDED = ("identity", "init", "inspect", "query")
_AT_ONCE = 1_000  # lines written together


def init(arguments: argparse.Namespace) -> int:
    """Make what is missing. What was made is said even if another database fails."""
    attempts, made = _ask(arguments, _init)
    for identity, lines in made.items():
        _tell(identity, [f"made: {line}" for line in _merged(lines)])
    attempts.finish()
    return Exit.DONE


def check(arguments: argparse.Namespace) -> int:
    attempts, found = _ask(arguments, _inspect)
    findings = {identity: _merged(several) for identity, several in found.items()}
    for identity, ones in findings.items():
        _tell(identity, [f"{one.level}: {one.message}" for one in ones])
    if any(one.level == "missing" for ones in findings.values() for one in ones):
        sets = [word for given in arguments.set for word in ("--set", given)]
        command = join(["querygen", "db", "init", arguments.config, *sets])
        attempts.add(f"{arguments.config}: something is missing; to make it: {command}", Exit.CONFIG)
    attempts.finish()
    return Exit.DONE


def query(arguments: argparse.Namespace) -> int:
    choose = partial(_one, identity=arguments.database)
    attempts, results = _ask(arguments, partial(_query, sql=arguments.sql), choose)
    attempts.finish()
    for result in chain.from_iterable(results.values()):
        _show_lines(_json_lines(result) if arguments.json else _table_lines(result))
    return Exit.DONE


def _all(databases: Databases) -> Databases:
    return databases


def _one(databases: Databases, identity: str | None) -> Databases:
    """The one that was asked for, or the first."""
    chosen = next(iter(databases)) if identity is None else identity
    if chosen not in databases:
        raise UsageError(f"no database {chosen!r} in the config; it has {', '.join(databases)}")
    return {chosen: databases[chosen][:1]}


def _merged(several: Iterable[Sequence[T]]) -> list[T]:
    """What the parts of one database say, each thing once."""
    return list(dict.fromkeys(chain.from_iterable(several)))


def _ask(
    arguments: argparse.Namespace,
    question: Callable[[Database], Awaitable[T]],
    choose: Callable[[Databases], Databases] = _all,
) -> tuple[Attempts, dict[str, list[T]]]:
    """What the parts of the chosen databases answer, by identity, and what went wrong."""
    configure(arguments.log_level, arguments.log_format)
    attempts = Attempts()

    async def ask_each(builder: Builder) -> dict[str, list[T]]:
        answers: dict[str, list[T]] = {}
        for identity, databases in choose(_databases(builder, arguments.config)).items():
            for database in databases:
                answer = await attempts.make(identity, partial(question, database))
                if answer is None:
                    break  # the next part would fail in the same way
                answers.setdefault(identity, []).append(answer)
        return answers

    return attempts, with_parts(load(arguments.config, arguments.set), ask_each)


def _databases(builder: Builder, config: str) -> Databases:
    """By identity, in the order in which a product comes to them."""
    databases: dict[str, list[Database]] = {}
    for where, part in data_parts(builder):
        database = getattr(part, "database", None)
        if database is None:
            continue
        if missing := [name for name in _NEEDED if not hasattr(database, name)]:
            raise PluginError(f"{where} broke its contract: its database has no {missing[0]}")
        databases.setdefault(database.identity, []).append(database)
    if not databases:
        raise UsageError(f"no part of {config} keeps its data in a database")
    return databases


async def _init(database: Database) -> Sequence[str]:
    made = await database.init()
    if isinstance(made, str) or not all(isinstance(line, str) for line in made):
        raise PluginError(f"init broke its contract: it must return lines, not {str(made)[:200]}")
    return made


async def _inspect(database: Database) -> Sequence[Finding]:
    findings = await database.inspect()
    if not all(_is_finding(one) for one in findings):
        raise PluginError(f"inspect broke its contract: it must return findings, not {str(findings)[:200]}")
    return findings


def _is_finding(given: object) -> bool:
    return isinstance(given, Finding) and given.level in ("missing", "advice")


async def _query(database: Database, sql: str) -> ResultSet:
    result = await database.query(sql)
    if not isinstance(result, ResultSet):
        raise PluginError(f"query broke its contract: it must return a ResultSet, not {str(result)[:200]}")
    if any(len(row) != len(result.columns) for row in result.rows):
        raise PluginError("query broke its contract: a row has more or fewer values than there are columns")
    return result


def _tell(identity: str, lines: Sequence[str]) -> None:
    show("\n".join([_clean(identity), *(f"  {_clean(line)}" for line in lines or ["all there"])]))


def _clean(text: str) -> str:
    return printable(mask(text))


def _show_lines(lines: Iterator[str]) -> None:
    while some := list(islice(lines, _AT_ONCE)):
        show("\n".join(some))


def _table_lines(result: ResultSet) -> Iterator[str]:
    from rich.cells import cell_len

    names = [_clean(name) for name in result.columns]
    widths = [cell_len(name) for name in names]
    for row in result.rows:
        widths = [max(width, cell_len(_cell(value))) for width, value in zip(widths, row, strict=True)]
    room = [*widths[:-1], 0]
    yield _line(names, room, cell_len)
    yield _line(["-" * width for width in widths], room, cell_len)
    for row in result.rows:
        yield _line(map(_cell, row), room, cell_len)


def _line(cells: Iterable[str], room: Sequence[int], length: Callable[[str], int]) -> str:
    """Each text with as much room on a terminal as it is given, or as it takes."""
    return "  ".join(cell + " " * (width - length(cell)) for cell, width in zip(cells, room, strict=False))


def _cell(value: object) -> str:
    plain = _plain(value)
    return printable(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def _json_lines(result: ResultSet) -> Iterator[str]:
    """One array, an object a line. ASCII alone, so that nothing in it acts on a terminal."""
    names = [mask(name) for name in result.columns]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"two columns are called {twice[0]!r}; give each a name of its own (AS)")
    yield "["
    for number, row in enumerate(result.rows, 1):
        end = "," if number < len(result.rows) else ""
        yield json.dumps(dict(zip(names, map(_plain, row), strict=True))) + end
    yield "]"


def _plain(value: object) -> Any:
    """As JSON has it, secrets masked before they are encoded; what JSON lacks as text."""
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return rf"\x{bytes(value).hex()}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return mask(str(value))
