"""How the server carries out what the sink sends, in the server's own words: auto_explain writes them into its log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from postgres_server import Database

_SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_parameter_max_length": "0",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "warning",
    "client_min_messages": "error",
}
_MARK = re.compile(r"duration: ([\d.]+) ms  plan:\n")


@dataclass(frozen=True)
class Plan:
    statement: str
    milliseconds: float
    nodes: tuple[Mapping[str, Any], ...]

    def reads(self, table: str) -> set[str]:
        """By which kinds of nodes the table is read."""
        return {node["Node Type"] for node in self.nodes if node.get("Relation Name") == table}


class Explained:
    """A database whose sessions, if they come by `dsn`, have every statement explained, triggers' included."""

    def __init__(self, database: Database, *, seqscan: bool) -> None:
        settings = {**_SETTINGS, "enable_seqscan": "on" if seqscan else "off"}
        self.dsn = make_conninfo(database.dsn, options=" ".join(f"-c {k}={v}" for k, v in settings.items()))
        self._log = Path(database.value("SHOW data_directory")).parent / "log"
        self._read = self._log.stat().st_size

    def plans(self) -> list[Plan]:
        """Of what was sent since the last time."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            text = file.read().decode()
        self._read += len(text.encode())
        decoder = json.JSONDecoder()
        _, *parts = _MARK.split(text)
        plans = []
        for duration, part in zip(parts[::2], parts[1::2], strict=True):
            found, _ = decoder.raw_decode(part.replace("\n\t", "\n").strip())
            plans.append(Plan(found["Query Text"], float(duration), tuple(_nodes(found["Plan"]))))
        return plans


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
