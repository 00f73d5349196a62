"""What could not be processed, with every reason that is known of it, and a run as a sink may keep it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

LetterKind = Literal["rejected", "failed", "refused"]
"""`rejected` by the input or a preprocessor · `failed` to be generated · `refused` by a sink."""

LETTER_KINDS: tuple[LetterKind, ...] = ("rejected", "failed", "refused")

_LONGEST_MESSAGE = 1_000  # characters of an event's message


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record or product that could not be processed."""

    stage: str
    """Where it failed: `input`, `preprocess`, `generate` or `deliver`."""
    reason: str
    """A short code: a reject's reason, an error's kind or class, or `refused` by a sink."""
    message: str
    """One sentence, secrets masked."""
    product_key: str = ""
    """`source:product_id:locale`; "" if the record has none."""
    file: str = ""
    """Where the record was read from; "" if that is not known."""
    line: int | None = None
    """Line in `file` where the record starts, from 1; None if that is not known."""
    raw: str = ""
    """The record or the model's answer as it came, cut and masked."""
    attempt: int = 0
    """Number of the run, from 1; 0 if that is not known."""
    component: str = ""
    """`plugin/component` that could not process it; "" if that is not known."""
    sink: str = ""
    """Name of the sink that refused it; "" unless one did."""
    constraint: str = ""
    """The rule of the sink's store that it breaks, such as a database's constraint; "" if there is no name for it."""
    request_key: str = ""
    """Key of the request that has no usable answer; "" if no request was to blame."""
    model: str = ""
    """Name under `models:` of the model that was asked; "" if no request was to blame."""
    frame: str = ""
    """The line in a plugin that failed, `querygen_text/dedup.py:41 in process`; "" if no plugin's code was involved."""

    @property
    def kind(self) -> LetterKind:
        if self.stage == "deliver":
            return "refused"
        return "failed" if self.stage == "generate" else "rejected"

    @property
    def details(self) -> dict[str, Any]:
        """What is known of it, for an event: without the record itself, and with a short message."""
        known = {
            "product": self.product_key,
            "reason": self.reason,
            "message": self.message[:_LONGEST_MESSAGE],
            "component": self.component,
            "sink": self.sink,
            "constraint": self.constraint,
            "file": self.file,
            "line": self.line,
            "frame": self.frame,
            "model": self.model,
            "request_key": self.request_key,
        }
        return {name: value for name, value in known.items() if value not in ("", None) or name == "product"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run that has ended, for a sink that keeps what is to be known of it."""

    report: Mapping[str, Any]
    """The report, as `--json` prints it."""
    whole: bool
    """The input was read to its end. If not, the letters of records that were not read are those of an earlier run."""
    letters: Callable[[LetterKind], AsyncIterator[Mapping[str, Any]]]
    """The run's dead letters of one kind as plain JSON: the fields of `DeadLetter`. May be called several times."""
