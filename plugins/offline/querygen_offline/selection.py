"""Choosing questions: by the plan, each once, none already accepted, facts spread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b

from querygen_offline.facts import Facts, gather_facts
from querygen_offline.grammar import Pattern
from querygen_offline.languages import grammar_of
from querygen_offline.question import Question, write
from querygen_offline.slots import Filling
from querygen_offline.task import Task

_FACTS_FIRST = 0.5
"""What lifts a pattern that asks about a fact of this very product above those that fit any."""

_NO_SLOT = (None,)


def write_questions(task: Task, key: str) -> list[Question]:
    """`task.count` distinct questions, or as many as can be made, chosen by `key`."""
    grammar = grammar_of(task.locale)
    patterns = grammar.of(task.query_type)
    everything = [pattern for group in patterns.values() for pattern in group]
    selection = Selection(task, gather_facts(task.product, grammar.words), key)
    plan = task.plan or dict.fromkeys(patterns, task.count // len(patterns))
    for sub_type, count in plan.items():
        selection.take(patterns.get(sub_type, everything), count, label=sub_type)
    unknown = next(iter(plan.keys()), "") if not plan.keys() & patterns.keys() else ""
    selection.take(everything, task.count, label=unknown)
    return selection.questions


class Selection:
    """Questions chosen so far, and what speaks against choosing another."""

    def __init__(self, task: Task, facts: Facts, key: str) -> None:
        self.questions: list[Question] = []
        self._facts = facts
        self._key = key
        self._count = task.count
        self._seen = {_plain(text) for text in task.accepted}
        self._asked: set[tuple[str, str]] = set()

    def take(self, patterns: Sequence[Pattern], count: int, *, label: str) -> None:
        """Choose up to `count` more: first the varied ones, then, if those are too few, any."""
        wanted = min(len(self.questions) + count, self._count)
        for picky in (True, False):
            if len(self.questions) >= wanted:
                return
            for wave, pattern, filling in self._candidates(patterns):
                if not picky or (wave == 0 and self._varies(pattern, filling)):
                    self._add(pattern, filling, label)
                if len(self.questions) >= wanted:
                    return

    def _candidates(self, patterns: Sequence[Pattern]) -> Iterator[tuple[int, Pattern, Filling | None]]:
        """Every pattern once, then again with the next filling of its slot.

        Patterns of a slot begin at different ones, so that all of a product's facts come up.
        """
        usable = sorted(filter(self._is_usable, patterns), key=self._rank)
        fillings = [self._facts.slots.get(pattern.slot, _NO_SLOT) for pattern in usable]
        for wave in range(max(map(len, fillings), default=0)):
            for place, (pattern, choices) in enumerate(zip(usable, fillings, strict=True)):
                if wave < len(choices):
                    yield wave, pattern, choices[(place + wave) % len(choices)]

    def _is_usable(self, pattern: Pattern) -> bool:
        facts = self._facts
        known = pattern.needs <= facts.constants.keys() and (not pattern.slot or pattern.slot in facts.slots)
        return known and pattern.suits(facts.family)

    def _rank(self, pattern: Pattern) -> float:
        drawn = int.from_bytes(blake2b(f"{self._key}{pattern.text}".encode(), digest_size=4).digest(), "big")
        return drawn * (_FACTS_FIRST if pattern.telling else 1.0)

    def _varies(self, pattern: Pattern, filling: Filling | None) -> bool:
        """Whether nothing has been asked yet about the same fact for the same purpose."""
        return filling is None or (pattern.sub_type, filling.slug) not in self._asked

    def _add(self, pattern: Pattern, filling: Filling | None, label: str) -> None:
        question = write(pattern, filling, self._facts, label)
        if _plain(question.text) in self._seen or not _fits(question.text):
            return
        self._seen.add(_plain(question.text))
        if filling:
            self._asked.add((pattern.sub_type, filling.slug))
        self.questions.append(question)


def _fits(text: str) -> bool:
    return 4 <= len(text.split()) <= 30 and 15 <= len(text) <= 200


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
