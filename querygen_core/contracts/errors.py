"""Every error that reaches a user.

Each has a `kind`, and the kind alone decides the exit code (`EXIT_OF_KIND`).

QuerygenError             one clear message, no traceback
├── UsageError        64  the command line is wrong
├── InputError        65  the input cannot be used; 75 if it only cannot be read at the moment
│   └── MissingInput  66  the input is not there
├── ConfigError       78  the config is wrong; carries every problem found, one line each
├── CredentialsError  77  a secret is missing or must not be read; 75 if it only cannot be fetched at the moment
├── PluginError       78  a plugin cannot be loaded, has a bug, or broke its contract
├── ProviderError     69  a model API refused or failed; 75 or 77 by its kind
├── SinkError         74  a sink refused or failed; 75 or 77 by its kind
├── AnswerError       69  a model answered, but nothing usable
├── JournalError      75  the journal cannot be read or written; 72 if no retry heals it, 77 or 78 by its kind
└── Stopped           75  the run is ending: no further call starts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Literal, get_args

from querygen_core.contracts.last_resort import is_lack_of_memory


class Exit(IntEnum):
    """Process exit codes, after sysexits.h; 75 is the one that a scheduler should retry."""

    DONE = 0
    USAGE = 64
    INPUT_UNUSABLE = 65
    INPUT_MISSING = 66
    PROVIDER_REFUSES = 69
    BUG = 70
    STATE_UNUSABLE = 72
    SINK_FAILED = 74
    TRY_AGAIN = 75
    CREDENTIALS = 77
    CONFIG = 78
    INTERRUPTED = 130


WORST_FIRST = (
    Exit.BUG,
    Exit.CONFIG,
    Exit.USAGE,
    Exit.CREDENTIALS,
    Exit.STATE_UNUSABLE,
    Exit.INPUT_MISSING,
    Exit.INPUT_UNUSABLE,
    Exit.SINK_FAILED,
    Exit.PROVIDER_REFUSES,
    Exit.INTERRUPTED,
    Exit.TRY_AGAIN,
    Exit.DONE,
)
"""A job's exit code is the first of these that any of its shards ended with: what only a person can repair comes
first.
"""

StoppedBy = Literal[
    "budget",
    "quota",
    "auth",
    "dead_model",
    "useless_prompt",
    "rejected_input",
    "sink",
    "held",
    "signal",
    "provider_wait",
    "removed_products",
    "low_yield",
]
"""What kept a run from doing all of its work: a limit of `runtime` · a provider's quota · credentials · a model that
fails whatever it is asked · a prompt whose answers cannot be used · the input · a sink · another process that has the
job · a signal · a provider that must be waited for longer than this run does · too many products gone from the input ·
too few good questions. A run that ends for a fault of its own state, config or code has none of them.
"""

InputFailure = Literal["bad_input", "missing", "retry"]
ProviderFailure = Literal["retry", "throttled", "quota", "blocked", "bad_request", "auth", "bad_answer"]
SinkFailure = Literal["retry", "permanent", "auth", "fenced"]
JournalFailure = Literal["retry", "unusable", "auth", "config", "fenced"]
AnswerFailure = Literal["blocked", "broken", "cut", "empty", "refused"]
ErrorKind = Literal["bug", "usage", "config", InputFailure, ProviderFailure, SinkFailure, JournalFailure, AnswerFailure]

EXIT_OF_KIND: Mapping[ErrorKind, Exit] = {
    "bug": Exit.BUG,
    "usage": Exit.USAGE,
    "config": Exit.CONFIG,
    "bad_input": Exit.INPUT_UNUSABLE,
    "unusable": Exit.STATE_UNUSABLE,
    "missing": Exit.INPUT_MISSING,
    "auth": Exit.CREDENTIALS,
    "retry": Exit.TRY_AGAIN,
    "throttled": Exit.TRY_AGAIN,
    "quota": Exit.PROVIDER_REFUSES,
    "bad_request": Exit.PROVIDER_REFUSES,
    "bad_answer": Exit.PROVIDER_REFUSES,
    "blocked": Exit.PROVIDER_REFUSES,
    "broken": Exit.PROVIDER_REFUSES,
    "cut": Exit.PROVIDER_REFUSES,
    "empty": Exit.PROVIDER_REFUSES,
    "refused": Exit.PROVIDER_REFUSES,
    "permanent": Exit.SINK_FAILED,
    "fenced": Exit.TRY_AGAIN,
}


def _known(kind: str, kinds: object) -> None:
    """Refuse a misspelt kind where it is written, in the plugin, not where its exit code is looked up.

    Raises:
        ValueError: `kind` is not one of the literal type `kinds`.
    """
    if kind not in get_args(kinds):
        raise ValueError(f"unknown kind of error {kind!r}; known kinds: {', '.join(get_args(kinds))}")


class QuerygenError(Exception):
    """Base of all errors that reach a user, plugins' own included."""

    kind: ErrorKind = "bug"
    """A short code for what went wrong; it decides the exit code."""
    frame: str = ""
    """The line in a plugin that failed, `querygen_text/dedup.py:41 in process`; "" if no plugin's code was involved."""
    component: str = ""
    """`plugin/component` whose work failed, "" if that is not known. Filled in by the engine, like what follows."""
    model: str = ""
    """Name under `models:` of the model that was asked in vain; "" if none was."""
    request_key: str = ""
    """Key of the request that has no usable answer; "" if none was sent."""

    @property
    def exit_code(self) -> Exit:
        """The code that the process ends with if this error ends it."""
        return EXIT_OF_KIND[self.kind]


class UsageError(QuerygenError):
    """The command line, or a statement that a user wrote, is wrong."""

    kind: ErrorKind = "usage"


class InputError(QuerygenError):
    """The input is there but cannot be used. kind: `bad_input`, or `retry` if it may be readable later."""

    def __init__(self, message: str, *, kind: InputFailure = "bad_input") -> None:
        super().__init__(message)
        _known(kind, InputFailure)
        self.kind = kind


class MissingInput(InputError):
    """The input is not there. `files/auto` then looks at the next one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="missing")


class ConfigError(QuerygenError):
    """The config is wrong, or something that it names is not there."""

    kind: ErrorKind = "config"
    problems: tuple[str, ...]
    """Complete lines, `file:line:column: path: message` where the place is known."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class CredentialsError(QuerygenError):
    """A secret is missing, wrong, or must not be read."""

    transient: bool
    """The place of the secret cannot be reached at the moment, or asks to slow down."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        self.kind = "retry" if transient else "auth"


class PluginError(QuerygenError):
    """A plugin cannot be loaded, has a bug, or broke its contract. Raised by the engine, never by a plugin."""

    kind: ErrorKind = "config"


class ProviderError(QuerygenError):
    """Raised by a provider instead of its SDK's exceptions."""

    kind: ProviderFailure
    """`retry` (network, timeout, 5xx) · `throttled` (slow down) · `quota` (no more today: stop this model) · `blocked`
    (refused for its content) · `bad_request` (would fail again) · `auth` · `bad_answer` (cannot be read).
    """
    retry_after: float | None
    """Seconds that the provider asked to wait; None if it did not say."""
    indeterminate: bool
    """The request went out and nothing came back (timeout, cut connection): it may have been paid for."""

    def __init__(
        self, kind: ProviderFailure, message: str, *, retry_after: float | None = None, indeterminate: bool = False
    ) -> None:
        super().__init__(message)
        _known(kind, ProviderFailure)
        self.kind = kind
        self.retry_after = retry_after
        self.indeterminate = indeterminate


class SinkError(QuerygenError):
    """Raised by a sink or a database instead of its driver's exceptions."""

    kind: SinkFailure
    """`retry` (may heal by waiting) · `permanent` (will not) · `auth` (needs other credentials) · `fenced` (another
    process has taken over this job: nothing was changed, and this one must deliver no more).
    """
    backup: bool
    """From `publish` only: everything that was applied is in the sink's backup place instead."""

    def __init__(self, kind: SinkFailure, message: str, *, backup: bool = False) -> None:
        super().__init__(message)
        _known(kind, SinkFailure)
        self.kind = kind
        self.backup = backup


class AnswerError(QuerygenError):
    """There is no usable answer for one request. Raised by `Ask`."""

    kind: AnswerFailure
    """`blocked` (for its content) · `broken` (cannot be read) · `cut` (at the token limit, before the first item) ·
    `empty` · `refused` (the request itself).
    """
    raw: str
    """The last answer's text as it came, for the dead letter; "" if there was none."""

    def __init__(self, kind: AnswerFailure, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.raw = raw


class JournalError(QuerygenError):
    """The journal cannot be read or written. The engine then starts no further call."""

    kind: JournalFailure
    """`retry` (may heal by waiting, or with another disk) · `unusable` (damaged, of a newer layout, or without rights:
    no retry heals it) · `auth` (needs other credentials) · `config` (the store that the config names does not exist) ·
    `fenced` (another process has taken over the job, or may have).
    """

    def __init__(self, message: str, *, kind: JournalFailure = "retry") -> None:
        super().__init__(message)
        _known(kind, JournalFailure)
        self.kind = kind


class Stopped(QuerygenError):
    """Raised into everything that waits for a model when the run is ending; the product stays `pending`."""

    kind: ErrorKind = "retry"


def lack_of_memory(error: BaseException) -> QuerygenError | None:
    """The error to end with if the system has given no memory or no thread, which is no bug; None for any other.

    The next run goes on where this one was, with what it has paid for.
    """
    if not is_lack_of_memory(error):
        return None
    lack = QuerygenError(f"out of memory ({type(error).__name__}: {error}); run again with more")
    lack.kind = "retry"
    return lack
