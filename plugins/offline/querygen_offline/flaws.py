"""What models get wrong, put into right answers on purpose. Depends on the request and the seed, never on the try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from querygen_offline.question import Question

T = TypeVar("T")

Draw = Callable[[str], float]
"""A number from 0 up to 1 for a name; the same for the same request."""

_NUMBERINGS = ("{number}. {text}", "{number}) {text}", "- {text}", "• {text}", '"{text}"', "**{text}**")

_LEAKS = (
    "Here are {count} questions about the product:",
    "As an AI language model, I have not used this product myself.",
    "Sure! These are the questions you asked for.",
    "Let me know if you need more questions or a different style.",
    "Note: the questions above are based on the product data only.",
)


def spoil(
    questions: Sequence[Question], draw: Draw, *, duplicates: float, numbering: float, leaks: float, polite: str
) -> list[Question]:
    """The same number of questions; each becomes a leak, a repeat of an earlier one, numbered, or stays as it is."""
    spoilt: list[Question] = []
    intact: list[Question] = []
    for index, question in enumerate(questions):
        made = question
        if draw(f"leak {index}") < leaks:
            made = replace(question, text=_pick(_LEAKS, draw(f"which leak {index}")).format(count=len(questions)))
        elif intact and draw(f"duplicate {index}") < duplicates:
            model = _pick(intact, draw(f"of which {index}"))
            made = replace(model, text=_repeat(model.text, draw(f"how {index}"), polite))
        else:
            intact.append(question)
        if draw(f"number {index}") < numbering:
            shape = _pick(_NUMBERINGS, draw(f"which number {index}"))
            made = replace(made, text=shape.format(number=index + 1, text=made.text))
        spoilt.append(made)
    return spoilt


def cut_at(whole: int, least: int, drawn: float) -> int:
    """Where to end an answer of `whole` characters: early, but with the first `least` of them."""
    return least + int(drawn * max(1, whole - least - 1))


def _repeat(text: str, drawn: float, polite: str) -> str:
    lower = f"{text[0].lower()}{text[1:]}"
    return _pick((text, text.lower(), f"{polite}{lower}", text.removesuffix("?"), f"{text}?"), drawn)


def _pick(choices: Sequence[T], drawn: float) -> T:
    return choices[int(drawn * len(choices))]
