"""The guard around every call of a plugin's code: it turns stray exceptions into one error that names the plugin."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType

from querygen_core.contracts.errors import InputError, PluginError, QuerygenError

_LONGEST_CAUSE = 500  # characters

_log = logging.getLogger("querygen.plugins")


@dataclass(frozen=True, slots=True)
class PluginGuard:
    """A context manager for calls of one component. It keeps no state, so that calls may overlap.

    querygen's own errors pass, and so do an interrupt and a cancellation that comes from outside. Every other
    exception, SystemExit and classes that are no `Exception` included, becomes an `error` whose message names the
    component and the line in the plugin that failed; its traceback is logged at DEBUG.
    """

    label: str
    """The component as messages name it: kind, `plugin/name`, distribution and version."""
    package: str
    """The plugin's top package; tells its own lines in a traceback from those of libraries."""
    failed: str = "failed"
    """The predicate of the message."""
    error: type[PluginError | InputError] = PluginError
    """The class of error that a stray exception becomes."""
    passes: type[BaseException] | tuple[()] = QuerygenError
    """The errors that a plugin may raise; () if none."""
    is_secret: bool = False
    """The exception's message may hold a secret: it is neither quoted nor logged."""
    use: str = ""
    """`plugin/component`, for the errors that leave it; "" outside of one."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            return
        if isinstance(error, self.passes):
            if isinstance(error, QuerygenError):
                error.component = error.component or self.use
            return
        if isinstance(error, asyncio.CancelledError):
            if _is_being_cancelled():
                return
            raise self.violation("it cancelled its own task") from None
        if not isinstance(error, KeyboardInterrupt | GeneratorExit):  # which are meant for us
            raise self.failure(error) from (None if self.is_secret else error)

    def failure(self, error: BaseException) -> QuerygenError:
        """The error to raise for an exception that the plugin should not have let out."""
        frame = last_frame(error, self.package)
        cause = f" with {type(error).__name__}" if self.is_secret else f": {cause_of(error)}"
        failure = self.error(f"{self.label} {self.failed}{cause}{f' ({frame})' if frame else ''}")
        failure.frame, failure.component = frame, self.use
        if not self.is_secret:
            _log.debug("%s", failure, exc_info=error)
        return failure

    def text(self, value: object, name: str) -> str:
        """`value`, an attribute of the object called `name`, if it is text.

        Raises:
            PluginError: it is something else.
        """
        if not isinstance(value, str):
            raise self.violation(f"its {name} is {type(value).__name__}, not text")
        return value

    def violation(self, problem: str) -> PluginError:
        """The error to raise when the plugin broke its contract. problem: one clause, with `it` for the component."""
        violation = PluginError(f"{self.label} broke its contract: {problem}")
        violation.component = self.use
        return violation


def cause_of(error: BaseException) -> str:
    """Type and message in one line, without a traceback."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - the exception's class is a plugin's code too
        message = "its message cannot be read"
    return " ".join(f"{type(error).__name__}: {message}".split())[:_LONGEST_CAUSE]


def last_frame(error: BaseException, package: str) -> str:
    """The innermost line of `package` in the traceback: `querygen_text/dedup.py:41 in process`, or "" if none is.

    The path starts at the package, so that it is the same on every machine.
    """
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        # Recognised by module name: the files may be anywhere, and a library may lie below the same folder.
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            folders = str(frame.f_globals.get("__package__") or "").split(".")
            path = PurePath(*folders, PurePath(frame.f_code.co_filename).name)
            place = f"{path.as_posix()}:{line} in {frame.f_code.co_name}"
    return place


def _is_being_cancelled() -> bool:
    """Whether somebody has cancelled the current task; a thread without an event loop has none."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return task is None or task.cancelling() > 0
