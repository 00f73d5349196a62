"""One question, from a pattern and the values filled into it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from querygen_offline.facts import Facts
from querygen_offline.grammar import Pattern
from querygen_offline.slots import SlotValue

# By sub_type for product questions, by brand_mode for market questions.
_STAGES = {
    "features": "consideration",
    "benefits": "awareness",
    "usage": "post-purchase",
    "suitability": "consideration",
    "compatibility": "decision",
    "care": "post-purchase",
    "problem_solving": "post-purchase",
    "safety": "consideration",
    "included": "decision",
    "unbranded": "awareness",
    "branded": "consideration",
    "comparative": "decision",
}

_PERSONAS = {"awareness": "browser", "consideration": "shopper", "decision": "buyer", "post-purchase": "owner"}


@dataclass(frozen=True, slots=True)
class Question:
    """The fields are the labels that a prompt's schema may ask for, in the order in which an answer has them."""

    text: str
    """The question itself."""

    sub_type: str
    """Row of the prompt's coverage plan."""

    facet: str
    """What it is about, as a slug; unique in an answer to one of querygen's own prompts."""

    persona: str
    """Who would ask it, as a slug."""

    stage: str
    """`awareness`, `consideration`, `decision` or `post-purchase`."""

    brand_mode: str
    """`unbranded`, `branded` or `comparative`."""


LABELS = tuple(field.name for field in fields(Question))


def write_question(pattern: Pattern, value: SlotValue | None, facts: Facts, sub_type: str) -> Question:
    """The pattern filled with `facts` and with `value` for its slot.

    sub_type: replaces the pattern's own, for a plan with sub_types that no pattern is written for; "" keeps it.
    """
    text = pattern.text.format_map({**facts.constants, pattern.slot: value.text if value else ""})
    for written_apart, contracted in facts.contractions:
        text = text.replace(written_apart, contracted)
    stage = _STAGES.get(pattern.sub_type) or _STAGES[pattern.brand_mode]
    return Question(
        text=text,
        sub_type=sub_type or pattern.sub_type,
        facet=f"{value.slug}_{pattern.facet}" if value else pattern.facet,
        persona=value.persona if value and value.persona else _PERSONAS[stage],
        stage=stage,
        brand_mode=pattern.brand_mode,
    )
