"""Chooses questions: as the plan says, none twice, none that is already accepted, spread over the product's facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from querygen_offline.facts import Facts, extract_facts
from querygen_offline.grammar import Pattern
from querygen_offline.languages import load_grammar
from querygen_offline.question import Question, write_question
from querygen_offline.slots import SlotValue
from querygen_offline.task import Task

_FACT_RANK_FACTOR = 0.5
"""Ranks are drawn from [0, 1) and the lowest go first: halved, questions about this product's facts come early."""

_USUAL_WORDS = 9
"""Words of a pattern. Shorter ones come up more often, as people keep questions short, and as each word is paid for."""

_NO_SLOT = (None,)


def write_questions(task: Task, key: str) -> list[Question]:
    """`task.count` distinct questions, or as many as can be made, chosen by `key`."""
    grammar = load_grammar(task.locale)
    patterns = grammar.patterns_for(task.query_type)
    all_patterns = [pattern for group in patterns.values() for pattern in group]
    selection = Selection(task, extract_facts(task.product, grammar.lexicon), key)
    plan = task.plan or dict.fromkeys(patterns, task.count // len(patterns))
    for sub_type, count in plan.items():
        selection.extend(patterns.get(sub_type, all_patterns), count, sub_type=sub_type)
    # A plan of unknown sub_types only must not get one of our own for the rest.
    rest_sub_type = next(iter(plan.keys()), "") if not plan.keys() & patterns.keys() else ""
    selection.extend(all_patterns, task.count, sub_type=rest_sub_type)
    return selection.questions


class Selection:
    """The questions chosen so far, and what rules out choosing another."""

    def __init__(self, task: Task, facts: Facts, key: str) -> None:
        self.questions: list[Question] = []
        self._facts = facts
        self._key = key
        self._count = task.count
        self._seen = {_normalise(text) for text in (*task.accepted, *task.dropped)}
        self._asked: set[tuple[str, str]] = set()

    def extend(self, patterns: Sequence[Pattern], count: int, *, sub_type: str) -> None:
        """Choose up to `count` more: first varied ones, then, if those are too few, any that are left."""
        wanted = min(len(self.questions) + count, self._count)
        for varied_only in (True, False):
            if len(self.questions) >= wanted:
                return
            for pass_number, pattern, value in self._candidates(patterns):
                if not varied_only or (pass_number == 0 and self._is_varied(pattern, value)):
                    self._add(pattern, value, sub_type)
                if len(self.questions) >= wanted:
                    return

    def _candidates(self, patterns: Sequence[Pattern]) -> Iterator[tuple[int, Pattern, SlotValue | None]]:
        """(number of the pass, pattern, value): every pattern once, then again with the next value of its slot.

        Patterns with the same slot begin at different values, so that all of a product's facts come up.
        """
        usable = sorted(filter(self._is_usable, patterns), key=self._rank)
        values_of_slot = [self._facts.slots.get(pattern.slot, _NO_SLOT) for pattern in usable]
        for pass_number in range(max(map(len, values_of_slot), default=0)):
            for index, (pattern, values) in enumerate(zip(usable, values_of_slot, strict=True)):
                if pass_number < len(values):
                    yield pass_number, pattern, values[(index + pass_number) % len(values)]

    def _is_usable(self, pattern: Pattern) -> bool:
        facts = self._facts
        can_be_filled = pattern.required <= facts.constants.keys() and (not pattern.slot or pattern.slot in facts.slots)
        return can_be_filled and pattern.suits(facts.group)

    def _rank(self, pattern: Pattern) -> float:
        # A hash instead of a shuffle: adding a pattern does not reorder the others.
        digest = blake2b(f"{self._key}{pattern.text}".encode(), digest_size=4).digest()
        brevity = (len(pattern.text.split()) / _USUAL_WORDS) ** 2
        return int.from_bytes(digest, "big") * brevity * (_FACT_RANK_FACTOR if pattern.uses_facts else 1.0)

    def _is_varied(self, pattern: Pattern, value: SlotValue | None) -> bool:
        """Whether nothing has been asked yet about the same fact for the same sub_type."""
        return value is None or (pattern.sub_type, value.slug) not in self._asked

    def _add(self, pattern: Pattern, value: SlotValue | None, sub_type: str) -> None:
        question = write_question(pattern, value, self._facts, sub_type)
        if _normalise(question.text) in self._seen or not _has_usable_length(question.text):
            return
        self._seen.add(_normalise(question.text))
        if value:
            self._asked.add((pattern.sub_type, value.slug))
        self.questions.append(question)


def _has_usable_length(text: str) -> bool:
    """The default limits of `text/quality`: a longer question would be dropped there."""
    return 4 <= len(text.split()) <= 30 and 15 <= len(text) <= 200


def _normalise(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
