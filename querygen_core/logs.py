"""Logging: `2026-11-23T12:00:00Z INFO [GENERATE] message`, one line per record whatever it holds, secrets masked.

The component in brackets comes from the logger: `querygen.generate` writes as GENERATE, a library under its own name.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath
from types import MappingProxyType, TracebackType
from typing import Any, Literal, TextIO

from querygen_core.contracts.last_resort import last_resort
from querygen_core.secrets.masking import mask, printable

__all__ = ["Format", "bind", "configure", "lines_written_by", "log_loop_error", "printable"]

Format = Literal["text", "json"]

_OURS = "querygen"
_LONGEST = 16_000  # characters of each part of a line
_MOST_CAUSES = 5  # of an exception, and members of a group
_CARRIERS = ("asyncio", "concurrent.futures")
"""Libraries that log an exception when they could not bring it, or a result, to those that wait for it."""
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9_]")

_fields: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=MappingProxyType({}))
_log = logging.getLogger(_OURS)


def bind(**fields: object) -> None:
    """Add `fields` (job_id, attempt, shard) to every record of this context and of those that start from it."""
    _fields.set({**_fields.get(), **fields})


def configure(level: str = "INFO", log_format: Format = "text", stream: TextIO | None = None) -> None:
    """Send all log records to one stream: ours from `level`, those of libraries from WARNING, uncaught errors too.

    Python's own warnings become log records. stream: default standard error, since standard output is for results.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    stream = stream or sys.stderr
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    handler = _Handler(stream)
    handler.setLevel(number)
    handler.setFormatter((_JsonLine if log_format == "json" else _TextLine)(tracebacks=number <= logging.DEBUG))
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, _Handler)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    _log.setLevel(number)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    sys.unraisablehook = _log_ignored
    threading.excepthook = _log_uncaught_in_thread


@contextmanager
def lines_written_by(write: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, hand every line to `write`, without its end, instead of the stream."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, _Handler)]
    for handler in handlers:
        handler.write_line = write
    try:
        yield
    finally:
        for handler in handlers:
            handler.write_line = None


def log_loop_error(_loop: object, context: Mapping[str, Any]) -> None:
    """The exception handler of the event loop."""
    last_resort.note(context.get("exception"))
    _log.error("%s", context.get("message", "error in the event loop"), exc_info=context.get("exception"))


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("uncaught exception", exc_info=(kind, error, trace))


def _log_ignored(ignored: sys.UnraisableHookArgs) -> None:
    """For an exception that nobody can get, such as one in a `__del__` or before a thread has begun."""
    last_resort.note(ignored.exc_value)
    _log.warning("%s", ignored.err_msg or "exception ignored", exc_info=ignored.exc_value)


def _log_uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    last_resort.note(failure.exc_value)
    if not issubclass(failure.exc_type, SystemExit):
        name = failure.thread.name if failure.thread else "?"
        _log.critical("uncaught exception in thread %s", name, exc_info=failure.exc_value)


class _Handler(logging.StreamHandler[TextIO]):
    """Drops records of libraries below WARNING, whatever level they set for themselves."""

    write_line: Callable[[str], None] | None = None
    """Takes the lines instead of the stream."""

    def emit(self, record: logging.LogRecord) -> None:
        if self.write_line is None:
            super().emit(record)
            return
        try:
            self.write_line(self.format(record))
        except Exception:  # noqa: BLE001 - as in logging
            self.handleError(record)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.name in _CARRIERS:
            last_resort.note(record.exc_info[1])
        ours = record.name.partition(".")[0] == _OURS
        return bool(super().filter(record)) and (ours or record.levelno >= logging.WARNING)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - as in logging
        """Drop a record that cannot be written. Python would print it, unmasked."""


class _Line(logging.Formatter):
    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def parts(self, record: logging.LogRecord) -> dict[str, str]:
        component = _component(record.name)
        parts = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "component": component,
            "message": f"[{component}] {_message(record)}",
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            parts["error"] = " ← ".join(_errors(error))
        if error is not None and self._tracebacks:
            parts["traceback"] = "".join(traceback.format_exception(error))
        return {name: _cut(mask(part)) for name, part in parts.items()}


class _TextLine(_Line):
    def format(self, record: logging.LogRecord) -> str:
        parts = self.parts(record)
        shown = [parts[name] for name in ("message", "error", "traceback") if name in parts]
        return mask(printable(f"{parts['time']} {parts['level']} {' | '.join(shown)}"))


class _JsonLine(_Line):
    """Values are masked before they are encoded: afterwards a mask could cut an escape in two."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value if isinstance(value, int) else mask(str(value)) for name, value in _fields.get().items()}
        return json.dumps({**self.parts(record), **fields})


def _component(name: str) -> str:
    top, _, rest = name.partition(".")
    component = rest.partition(".")[0] if rest and top in {_OURS, "py"} else top
    return _NOT_IN_NAMES.sub("_", component.upper()) or "ROOT"


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or that cannot be shown
        message = str(record.msg)
    return message.partition("\n")[0] if record.name == "py.warnings" else message


def _errors(error: BaseException | None) -> Iterator[str]:
    """Type, message and location of an exception and its causes, the newest first."""
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield f"{type(error).__name__}: {_text(error)}{_location(error.__traceback__)}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _text(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(" ← ".join(_errors(member)) for member in error.exceptions[:_MOST_CAUSES])
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a library's `__str__` may fail in any way
        return "its message cannot be shown"


def _location(trace: TracebackType | None) -> str:
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST} more characters)"
