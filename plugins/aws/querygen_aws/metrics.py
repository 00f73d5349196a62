"""`aws/metrics`: the figures of a run as log lines in CloudWatch's embedded metric format."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from querygen_aws.events import unix_time
from querygen_aws.metric_table import UNITS, Values, of_job, of_sinks
from querygen_aws.options import MetricsOptions
from querygen_core.api import Event, QuerygenError, mask

T = TypeVar("T")

_MAX_NAME_LENGTH = 255  # of a dimension's value
_TIMEOUT = 2.0  # seconds for each of two requests: at the end of a run the engine waits five for an observer


class DurationHistory(Protocol):
    """The interface of `durations.DurationTable`, declared here so that metrics without a table import no SDK."""

    identity: str

    def check(self) -> None: ...
    def mean_before(self, event: Event) -> float | None: ...
    def add(self, event: Event, seconds: float) -> None: ...


class Metrics:
    """Writes one line for the run and one per sink to standard error, since standard output is for results. On a
    terminal nothing is written.

    A table that does not answer in time delays no line: the run then has no `DurationRatio` and is not stored.
    """

    def __init__(self, options: MetricsOptions, history: DurationHistory | None, log: logging.Logger) -> None:
        self.identity = f"emf/{options.namespace}"
        self._namespace = options.namespace
        self._dimensions = options.dimensions
        self._history = history
        self._log = log

    async def check(self) -> None:
        if self._history is not None:
            await asyncio.to_thread(self._history.check)

    def on_event(self, event: Event) -> None:
        if event.kind != "run_finished":
            return
        values = of_job(event.data)
        seconds = values.get("SecondsPerProduct")
        history = self._history if seconds is not None else None
        answered, mean = self._with_timeout(lambda: history.mean_before(event)) if history else (False, None)
        if mean:
            values["DurationRatio"] = (seconds or 0) / mean
        lines = [self._line(event, values, {})]
        lines += [self._line(event, sink_values, {"Sink": _ascii(name)}) for name, sink_values in of_sinks(event.data)]
        if not sys.stderr.isatty():  # they are for a log agent, not for people
            sys.stderr.write(
                "".join(f"{line}\n" for line in lines)
            )  # in one call, so that no other line is interleaved
            sys.stderr.flush()
        # A table that did not answer would only delay the end of the run once more.
        if history and answered and event.data.get("state") == "done":
            self._with_timeout(lambda: history.add(event, seconds or 0))

    def _line(self, event: Event, values: Values, sink: Mapping[str, str]) -> str:
        dimensions = {**self._dimensions, **sink}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in values],
        }
        document: dict[str, Any] = {
            "_aws": {"Timestamp": int(1000 * (unix_time(event) or 0)), "CloudWatchMetrics": [directive]},
            **dimensions,
            **values,
            "job_id": mask(event.job_id),
            "attempt": event.attempt,
            "shard": event.shard,
            "seq": event.seq,
            "state": _ascii(str(event.data.get("state", ""))),
        }
        return json.dumps(document, allow_nan=False, separators=(",", ":"))

    def _with_timeout(self, work: Callable[[], T]) -> tuple[bool, T | None]:
        """Return whether `work` finished in time, and its result. A failure or a timeout is logged.

        The thread is a daemon, so that a request that hangs does not keep the process from ending.
        """
        results: list[T] = []
        failures: list[str] = ["no answer in time"]

        def run() -> None:
            try:
                results.append(work())
            except QuerygenError as error:
                failures.append(str(error))

        thread = threading.Thread(target=run, name="durations", daemon=True)
        thread.start()
        thread.join(_TIMEOUT)
        if results:
            return True, results[0]
        self._log.warning(
            "DurationRatio: %s; this run is not compared with earlier ones, or not stored", mask(failures[-1])
        )
        return False, None


def _ascii(name: str) -> str:
    """Return `name` as CloudWatch accepts it for a dimension: printable ASCII, not blank."""
    text = mask(name).encode("ascii", "backslashreplace").decode()
    printable = "".join(character if " " <= character <= "~" and character not in '"\\' else "/" for character in text)
    return printable[:_MAX_NAME_LENGTH] if printable.strip() else "-"
