"""Every error that reaches a user.

QuerygenError             one clear message, no traceback; `exit_code` ends the process
├── UsageError        64  the command line is wrong
├── InputError        65  the input is there but cannot be used
│   └── MissingInput  66  the input is not there
├── ConfigError       78  the config is wrong; carries every problem found, one line each
├── CredentialsError  77  a secret is missing or must not be read; 75 if it only cannot be had at this moment
├── PluginError       78  a named plugin cannot be loaded, or broke its contract
├── ProviderError     69  a model API refused or failed; `kind` says how
├── SinkError         74  a sink refused or failed; `kind` says how
├── AnswerError       69  a model answered, but nothing can be made of it
├── JournalError      75  the journal cannot be read or written
└── Stopped           75  the run is ending: no further call starts
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal


class Exit(IntEnum):
    """Process exit codes, after sysexits.h; 75 is the one that a scheduler should retry."""

    DONE = 0
    USAGE = 64
    INPUT_UNUSABLE = 65
    INPUT_MISSING = 66
    PROVIDER_REFUSES = 69
    BUG = 70
    SINK_FAILED = 74
    TRY_AGAIN = 75
    CREDENTIALS = 77
    CONFIG = 78
    INTERRUPTED = 130


WORST_FIRST = (
    Exit.BUG, Exit.CONFIG, Exit.USAGE, Exit.CREDENTIALS, Exit.INPUT_MISSING, Exit.INPUT_UNUSABLE, Exit.SINK_FAILED,
    Exit.PROVIDER_REFUSES, Exit.INTERRUPTED, Exit.TRY_AGAIN, Exit.DONE,
)  # fmt: skip
"""Of several shards' exit codes the first of these is the job's: what only a person can repair comes first."""


class QuerygenError(Exception):
    exit_code: Exit = Exit.BUG


class UsageError(QuerygenError):
    exit_code = Exit.USAGE


class InputError(QuerygenError):
    exit_code = Exit.INPUT_UNUSABLE


class MissingInput(InputError):
    exit_code = Exit.INPUT_MISSING


class ConfigError(QuerygenError):
    """`problems` are complete lines, `file:line:column: path: message` where a place is known."""

    exit_code = Exit.CONFIG

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class CredentialsError(QuerygenError):
    """transient: where the secret is kept cannot be reached now, or asks to slow down."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        self.exit_code = Exit.TRY_AGAIN if transient else Exit.CREDENTIALS


class PluginError(QuerygenError):
    exit_code = Exit.CONFIG


ProviderFailure = Literal["retry", "throttled", "quota", "blocked", "bad_request", "auth", "bad_answer"]


class ProviderError(QuerygenError):
    """What a provider raises instead of its SDK's exceptions.

    kind: `retry` (network, timeout, 5xx) · `throttled` (slow down) · `quota` (no more today: stop this model) ·
    `blocked` (refused for its content) · `bad_request` (will fail again) · `auth` · `bad_answer` (not to be read).
    retry_after: seconds the provider asked for, or None.
    indeterminate: the request went out and nothing came back (timeout, cut connection): it may have been paid in vain.
    """

    def __init__(
        self, kind: ProviderFailure, message: str, *, retry_after: float | None = None, indeterminate: bool = False
    ) -> None:
        super().__init__(message)
        self.kind: ProviderFailure = kind
        self.exit_code = {
            "auth": Exit.CREDENTIALS,
            "retry": Exit.TRY_AGAIN,
            "throttled": Exit.TRY_AGAIN,
        }.get(kind, Exit.PROVIDER_REFUSES)
        self.retry_after = retry_after
        self.indeterminate = indeterminate


SinkFailure = Literal["retry", "permanent", "auth"]


class SinkError(QuerygenError):
    """What a sink raises. `retry` may heal by waiting; `permanent` will not; `auth` needs other credentials.

    backup: raised by `publish`, all that was applied is in the sink's backup place instead.
    """

    def __init__(self, kind: SinkFailure, message: str, *, backup: bool = False) -> None:
        super().__init__(message)
        self.kind: SinkFailure = kind
        self.backup = backup
        self.exit_code = {
            "retry": Exit.TRY_AGAIN,
            "permanent": Exit.SINK_FAILED,
            "auth": Exit.CREDENTIALS,
        }[kind]


AnswerFailure = Literal["blocked", "broken", "cut", "empty", "refused"]


class AnswerError(QuerygenError):
    """No usable answer for one request.

    kind: `blocked`, `broken`, `cut` (before it began), `empty`, or `refused` (the request itself).
    raw: the last answer's text as it came, for the dead letter.
    """

    exit_code = Exit.PROVIDER_REFUSES

    def __init__(self, kind: AnswerFailure, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.kind: AnswerFailure = kind
        self.raw = raw


class JournalError(QuerygenError):
    exit_code = Exit.TRY_AGAIN


class Stopped(QuerygenError):
    """Raised into whatever waits for a model when the run is ending; the product stays `pending`."""

    exit_code = Exit.TRY_AGAIN
