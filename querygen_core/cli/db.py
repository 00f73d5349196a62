"""`querygen db`: prepares, checks and queries the databases of a config's input, preprocessors and sinks.

Core knows no database. Each component that has one offers it as `querygen_core.api.Database`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from math import isfinite
from shlex import join
from typing import Any, TypeVar

from querygen_core.cli.check import with_builder
from querygen_core.cli.loading import load
from querygen_core.cli.main import configure_logs, print_result
from querygen_core.cli.next_steps import set_flags
from querygen_core.cli.problems import ProblemCollector
from querygen_core.cli.readiness import data_components
from querygen_core.contracts.errors import Exit, UsageError
from querygen_core.contracts.protocols import Database
from querygen_core.contracts.records import Finding, ResultSet
from querygen_core.engine.build import Builder
from querygen_core.registry import PluginGuard
from querygen_core.secrets.masking import mask, printable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _GuardedDatabase:
    """The database of one component."""

    database: Database
    guard: PluginGuard


Databases = Mapping[str, Sequence[_GuardedDatabase]]

_LINES_PER_WRITE = 1_000


def init(arguments: argparse.Namespace) -> int:
    """Create what is missing. What was created is printed even if another database fails."""
    collector, created = _call_each(arguments, _init)
    for identity, lines in created.items():
        _print_section(identity, [f"created: {line}" for line in _merged(lines)])
    collector.raise_all()
    return Exit.DONE


def check(arguments: argparse.Namespace) -> int:
    collector, inspected = _call_each(arguments, _inspect)
    findings = {identity: _merged(several) for identity, several in inspected.items()}
    for identity, of_database in findings.items():
        _print_section(identity, [f"{finding.level}: {finding.message}" for finding in of_database])
    if any(finding.level == "missing" for finding in chain.from_iterable(findings.values())):
        command = join(["querygen", "db", "init", arguments.config, *set_flags(arguments.set)])
        collector.add(
            f"{arguments.config}: a database is not ready; to create what is missing, run: {command}", "config"
        )
    collector.raise_all()
    return Exit.DONE


def query(arguments: argparse.Namespace) -> int:
    choose = partial(_choose, identity=arguments.database)
    collector, results = _call_each(arguments, partial(_query, sql=arguments.sql), choose)
    collector.raise_all()
    for result in chain.from_iterable(results.values()):
        _print_lines(_json_lines(result) if arguments.json else _table_lines(result))
    return Exit.DONE


def _all(databases: Databases) -> Databases:
    return databases


def _choose(databases: Databases, identity: str | None) -> Databases:
    """The database with this identity, or the first, through the first of its components."""
    chosen = next(iter(databases)) if identity is None else identity
    if chosen not in databases:
        raise UsageError(f"the config has no database {chosen!r}, only {', '.join(databases)}")
    return {chosen: databases[chosen][:1]}


def _merged(several: Iterable[Sequence[T]]) -> list[T]:
    """The results of a database's components, without repetitions."""
    return list(dict.fromkeys(chain.from_iterable(several)))


def _call_each(
    arguments: argparse.Namespace,
    call: Callable[[_GuardedDatabase], Awaitable[T]],
    choose: Callable[[Databases], Databases] = _all,
) -> tuple[ProblemCollector, dict[str, list[T]]]:
    """Call each component of the chosen databases. Returns the problems, and the results by database identity."""
    configure_logs(arguments)
    collector = ProblemCollector()

    async def work(builder: Builder) -> dict[str, list[T]]:
        results: dict[str, list[T]] = {}
        for identity, databases in choose(_databases(builder, arguments.config)).items():
            for database in databases:
                result = await collector.attempt(identity, database.guard, partial(call, database))
                if result is None:
                    break  # the database's next component would fail in the same way
                results.setdefault(identity, []).append(result)
        return results

    return collector, with_builder(load(arguments.config, arguments.set), work)


def _databases(builder: Builder, config: str) -> Databases:
    """The databases by identity, in the order in which a product passes their components."""
    databases: dict[str, list[_GuardedDatabase]] = {}
    for _, component in data_components(builder):
        if component.database is not None:
            with component.guard:
                identity = component.database.identity
            databases.setdefault(identity, []).append(_GuardedDatabase(component.database, component.guard))
    if not databases:
        raise UsageError(f"{config} uses no component with a database")
    return databases


async def _init(owned: _GuardedDatabase) -> Sequence[str]:
    created = await owned.database.init()
    if isinstance(created, str) or not all(isinstance(line, str) for line in created):
        raise owned.guard.violation(f"init must return lines, not {str(created)[:200]}")
    return created


async def _inspect(owned: _GuardedDatabase) -> Sequence[Finding]:
    findings = await owned.database.inspect()
    if not all(map(_is_finding, findings)):
        raise owned.guard.violation(f"inspect must return findings, not {str(findings)[:200]}")
    return findings


def _is_finding(value: object) -> bool:
    return isinstance(value, Finding) and value.level in ("missing", "advice")


async def _query(owned: _GuardedDatabase, sql: str) -> ResultSet:
    result = await owned.database.query(sql)
    if not isinstance(result, ResultSet):
        raise owned.guard.violation(f"query must return a ResultSet, not {str(result)[:200]}")
    if any(len(row) != len(result.columns) for row in result.rows):
        raise owned.guard.violation("query must return one value for each column in each row")
    return result


def _print_section(identity: str, lines: Sequence[str]) -> None:
    print_result("\n".join([_clean(identity), *(f"  {_clean(line)}" for line in lines or ["nothing is missing"])]))


def _clean(text: str) -> str:
    return printable(mask(text))


def _print_lines(lines: Iterator[str]) -> None:
    while batch := list(islice(lines, _LINES_PER_WRITE)):
        print_result("\n".join(batch))


def _table_lines(result: ResultSet) -> Iterator[str]:
    from rich.cells import cell_len

    names = [_clean(name) for name in result.columns]
    widths = [cell_len(name) for name in names]
    for row in result.rows:
        widths = [max(width, cell_len(_cell(value))) for width, value in zip(widths, row, strict=True)]
    padding = [*widths[:-1], 0]  # no spaces at the end of a line
    yield _line(names, padding, cell_len)
    yield _line(["-" * width for width in widths], padding, cell_len)
    for row in result.rows:
        yield _line(map(_cell, row), padding, cell_len)


def _line(cells: Iterable[str], widths: Sequence[int], length: Callable[[str], int]) -> str:
    """The cells padded to their columns' widths on a terminal; a longer cell takes the room it needs."""
    return "  ".join(cell + " " * (width - length(cell)) for cell, width in zip(cells, widths, strict=False))


def _cell(value: object) -> str:
    plain = _plain(value)
    return printable(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def _json_lines(result: ResultSet) -> Iterator[str]:
    """One array, one object per line. ASCII only, so that no character can control the terminal."""
    names = [mask(name) for name in result.columns]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(f"two columns are named {repeated[0]!r}; rename one with AS")
    yield "["
    for number, row in enumerate(result.rows, 1):
        end = "," if number < len(result.rows) else ""
        yield json.dumps(dict(zip(names, map(_plain, row), strict=True))) + end
    yield "]"


def _plain(value: object) -> Any:
    """A value as plain JSON, other types as text. Secrets are masked first: an encoded one would not be recognised."""
    if value is None or isinstance(value, int) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return rf"\x{bytes(value).hex()}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return mask(str(value))
