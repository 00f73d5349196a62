"""`aws/metrics`: a run's figures as lines of the log that CloudWatch makes metrics of (embedded metric format)."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from querygen_aws.events import moment
from querygen_aws.metric_table import UNITS, Values, of_job, of_sinks
from querygen_aws.observer_options import MetricsOptions
from querygen_core.api import Fact, QuerygenError, mask

T = TypeVar("T")

_LONGEST_NAME = 255
_WAIT = 2.0  # seconds for each of two requests: the engine waits five for an observer when a run ends


class History(Protocol):
    """What `Durations` is; here only so that metrics without a table need no SDK."""

    identity: str

    def mean_before(self, fact: Fact) -> float | None: ...
    def add(self, fact: Fact, seconds: float) -> None: ...


class Metrics:
    """A line for the run and one for each sink, as bare JSON on standard error: standard output belongs to results.

    Lines do not wait for the history: without an answer in time a run has no `DurationRatio`, and is not remembered.
    """

    def __init__(self, options: MetricsOptions, history: History | None, log: logging.Logger) -> None:
        self.identity = f"emf/{options.namespace}"
        self._namespace = options.namespace
        self._dimensions = options.dimensions
        self._history = history
        self._log = log

    def on_fact(self, fact: Fact) -> None:
        if fact.kind != "run_finished":
            return
        values = of_job(fact.data)
        seconds = values.get("SecondsPerProduct")
        history = self._history if seconds is not None else None
        known, mean = self._in_time(lambda: history.mean_before(fact)) if history else (False, None)
        if mean:
            values["DurationRatio"] = (seconds or 0) / mean
        lines = [self._line(fact, values, {})]
        lines += [self._line(fact, given, {"Sink": _ascii(name)}) for name, given in of_sinks(fact.data)]
        sys.stderr.write("".join(f"{line}\n" for line in lines))  # at once, so that no other line comes between
        sys.stderr.flush()
        if history and known and fact.data.get("state") == "done":
            self._in_time(lambda: history.add(fact, seconds or 0))

    def _line(self, fact: Fact, values: Values, own: Mapping[str, str]) -> str:
        dimensions = {**self._dimensions, **own}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in values],
        }
        document: dict[str, Any] = {
            "_aws": {"Timestamp": int(1000 * (moment(fact) or 0)), "CloudWatchMetrics": [directive]},
            **dimensions,
            **values,
            "job_id": mask(fact.job_id),
            "attempt": fact.attempt,
            "shard": fact.shard,
            "seq": fact.seq,
            "state": _ascii(str(fact.data.get("state", ""))),
        }
        return json.dumps(document, allow_nan=False, separators=(",", ":"))

    def _in_time(self, work: Callable[[], T]) -> tuple[bool, T | None]:
        """Whether it was done, and its result. What takes too long goes on in a thread that holds up no end."""
        done: list[T] = []
        failed: list[str] = ["no answer in time"]

        def run() -> None:
            try:
                done.append(work())
            except QuerygenError as error:
                failed.append(str(error))

        thread = threading.Thread(target=run, name="durations", daemon=True)
        thread.start()
        thread.join(_WAIT)
        if done:
            return True, done[0]
        self._log.warning("DurationRatio: %s; this run is not compared, or not remembered", mask(failed[-1]))
        return False, None


def _ascii(name: str) -> str:
    """As CloudWatch takes it for a dimension: printable ASCII, not blank."""
    text = mask(name).encode("ascii", "backslashreplace").decode()
    shown = "".join(character if " " <= character <= "~" and character not in '"\\' else "/" for character in text)
    return shown[:_LONGEST_NAME] if shown.strip() else "-"
