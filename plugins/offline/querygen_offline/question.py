"""One question, from a pattern and what fills it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from querygen_offline.facts import Facts
from querygen_offline.grammar import Pattern
from querygen_offline.slots import Filling

_STAGES = {
    "features": "consideration", "benefits": "awareness", "usage": "post-purchase", "suitability": "consideration",
    "compatibility": "decision", "care": "post-purchase", "problem_solving": "post-purchase",
    "safety": "consideration", "included": "decision",
    "unbranded": "awareness", "branded": "consideration", "comparative": "decision",
}  # fmt: skip

_PERSONAS = {"awareness": "browser", "consideration": "shopper", "decision": "buyer", "post-purchase": "owner"}


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    sub_type: str
    facet: str
    persona: str
    stage: str
    brand_mode: str


LABELS = tuple(field.name for field in fields(Question))


def write(pattern: Pattern, filling: Filling | None, facts: Facts, label: str) -> Question:
    """`label` is its sub_type if it is not to be the pattern's own."""
    text = pattern.text.format_map({**facts.constants, pattern.slot: filling.text if filling else ""})
    for apart, together in facts.contractions:
        text = text.replace(apart, together)
    stage = _STAGES.get(pattern.sub_type) or _STAGES[pattern.brand_mode]
    return Question(
        text=text,
        sub_type=label or pattern.sub_type,
        facet=f"{filling.slug}_{pattern.facet}" if filling else pattern.facet,
        persona=filling.persona if filling and filling.persona else _PERSONAS[stage],
        stage=stage,
        brand_mode=pattern.brand_mode,
    )
