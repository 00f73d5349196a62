"""Mistakes that language models make, added to correct answers on purpose.

They depend on the request and the seed, never on the attempt: a stored answer and a repeated call are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from querygen_offline.question import Question

T = TypeVar("T")

SeededRandom = Callable[[str], float]
"""Name of a decision → a number in [0, 1), always the same for the same request and seed."""

_NUMBERINGS = ("{number}. {text}", "{number}) {text}", "- {text}", "• {text}", '"{text}"', "**{text}**")

_LEAKS = (
    "Here are {count} questions about the product:",
    "As an AI language model, I have not used this product myself.",
    "Sure! These are the questions you asked for.",
    "Let me know if you need more questions or a different style.",
    "Note: the questions above are based on the product data only.",
)


def add_flaws(
    questions: Sequence[Question],
    rng: SeededRandom,
    *,
    duplicates: float,
    numbering: float,
    leaks: float,
    polite_opening: str,
) -> list[Question]:
    """The same number of questions; each becomes a leak, a repeat of an earlier one, numbered, or stays as it is.

    duplicates, numbering, leaks: shares from 0 to 1. polite_opening: begins one of the ways to repeat a question.
    """
    flawed: list[Question] = []
    originals: list[Question] = []
    for index, question in enumerate(questions):
        result = question
        if rng(f"leak {index}") < leaks:
            result = replace(question, text=_pick(_LEAKS, rng(f"which leak {index}")).format(count=len(questions)))
        elif originals and rng(f"duplicate {index}") < duplicates:
            original = _pick(originals, rng(f"of which {index}"))
            result = replace(original, text=_reword(original.text, rng(f"how {index}"), polite_opening))
        else:
            originals.append(question)
        # Independent of the other flaws: a leak or a repeat may be numbered too.
        if rng(f"number {index}") < numbering:
            template = _pick(_NUMBERINGS, rng(f"which number {index}"))
            result = replace(result, text=template.format(number=index + 1, text=result.text))
        flawed.append(result)
    return flawed


def cut_position(length: int, minimum: int, fraction: float) -> int:
    """Number of characters to keep of an answer of `length`: at least `minimum`, and never all of it.

    fraction: where to cut between the two, in [0, 1).
    """
    return minimum + int(fraction * max(1, length - minimum - 1))


def _reword(text: str, fraction: float, polite_opening: str) -> str:
    lower = f"{text[0].lower()}{text[1:]}"
    return _pick((text, text.lower(), f"{polite_opening}{lower}", text.removesuffix("?"), f"{text}?"), fraction)


def _pick(choices: Sequence[T], fraction: float) -> T:
    return choices[int(fraction * len(choices))]
