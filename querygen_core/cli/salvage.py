"""`querygen salvage`: keeps what can be read of a job's damaged state."""

from __future__ import annotations

import argparse

from querygen_core.cli.job_place import job_place
from querygen_core.cli.main import print_result
from querygen_core.contracts.errors import Exit
from querygen_core.journal.salvage import Salvaged, salvage_job
from querygen_core.logs import configure, printable

_WORDS = {
    "calls": "calls without an answer",
    "cursors": "positions of observers",
    "dead_letters": "dead letters",
    "grants": "granted retries",
    "job": "settings of the job",
    "manifest": "input records",
    "noted": "sums of other machines' spending",
    "noted_calls": "sums of other machines' calls without an answer",
    "segmented": "marks of segments",
    "segments_read": "segments read",
    "spent": "sums of spending",
}
"""What the rows of a table are, where its name does not say it."""


def salvage(arguments: argparse.Namespace) -> int:
    configure()
    place = job_place(arguments)
    results = salvage_job(place.folder, place.job_id)
    for result in results:
        print_result(printable(_describe(result)))
    if not results:
        print_result(f"{place.folder}: there is nothing yet")
    return Exit.DONE


def _describe(result: Salvaged) -> str:
    if result.damaged is None:
        return f"{result.path}: not damaged"
    kept = ", ".join(f"{count:,} {_rows(table)}" for table, count in result.kept.items() if count)
    lost = [f"{count:,} {_rows(table)}" for table, count in result.lost.items() if table not in result.unread]
    lost += [f"at least {result.lost[table]:,} {_rows(table)}" for table in result.unread if table in result.lost]
    unknown = ", ".join(_rows(table) for table in result.unread if table not in result.lost)
    lost += [f"an unknown number of: {unknown}"] if unknown else []
    budgets = "; budgets of jobs count only what was kept" if {"spent", "answers"} <= {*result.unread} else ""
    return (
        f"{result.path}: kept {kept or 'nothing'}; lost {', '.join(lost) or 'nothing'}{budgets}; "
        f"the damaged file is {result.damaged}"
    )


def _rows(table: str) -> str:
    return _WORDS.get(table, table)
