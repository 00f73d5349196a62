"""The dead letters of a run in its log."""

from __future__ import annotations

import logging
from collections import Counter

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.logs import printable

_MOST_LINES = 20  # of one reason: a feed whose every record lacks its title must not drown everything else

_Reason = tuple[str, ...]  # stage, what became of it, why


class DeadLetterLog:
    """A warning for each dead letter; of one reason the first 20, and at the end a line that counts the others.

    Nothing is lost by that: each is in the journal, among the events and in the lists of dead letters.
    """

    def __init__(self) -> None:
        self._counts: Counter[_Reason] = Counter()

    def add(self, letter: DeadLetter) -> None:
        reason = (letter.stage, letter.kind, _why(letter))
        self._counts[reason] += 1
        if self._counts[reason] <= _MOST_LINES:
            _log(letter.stage).warning("%s", printable(_line(letter)))

    def end(self) -> None:
        """Count what had no line of its own."""
        for (stage, kind, why), number in self._counts.items():
            if number > _MOST_LINES:
                more = number - _MOST_LINES
                _log(stage).warning("%d more %s %s; the dead letters have each of them", more, kind, printable(why))
        self._counts.clear()


def _log(stage: str) -> logging.Logger:
    return logging.getLogger(f"querygen.{stage}")


def _why(letter: DeadLetter) -> str:
    """By whom, and the reason in a few words."""
    component = f"{'in' if letter.kind == 'failed' else 'by'} {letter.component}" if letter.component else ""
    who = f"by sink {letter.sink}" if letter.sink else component
    word = f"constraint {letter.constraint}" if letter.constraint else letter.reason
    words = [word if word != letter.kind else "", f"model {letter.model}" if letter.model else ""]
    return f"{who} ({', '.join(filter(None, words))})".removesuffix(" ()").strip()


def _line(letter: DeadLetter) -> str:
    what = f"product {letter.product_key}" if letter.product_key else "a record"
    place = letter.file + (f":{letter.line}" if letter.line is not None else "")
    return f"{what} {letter.kind} {_why(letter)}{f' at {place}' if place else ''}: {letter.message}"
