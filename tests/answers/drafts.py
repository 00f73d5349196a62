"""Answers with drafts of the answer in them, and answers that end too early."""

from __future__ import annotations

import json
from typing import Literal

Finish = Literal["stop", "length"]
A, B, C = "Is it red?", "How big is it, in cm?", 'Can it take "hot" oil?'
ITEMS = [{"text": text, "sub_type": "usage"} for text in (A, B, C)]
GOOD = json.dumps({"questions": ITEMS})
TEXTS = json.dumps({"questions": [A, B, C]})
LINES = "\n".join(f"{number}. {text}" for number, text in enumerate((A, B, C), 1))
DRAFT = json.dumps({"questions": [{"text": "Is it a draft?", "sub_type": "usage"}]})
LONG_DRAFT = json.dumps({"questions": [f"Is it draft {number}?" for number in range(5)]})
SMALL = '["Is it a draft?"]'
ALL = [A, B, C]

DRAFTS: dict[str, tuple[str, list[str]]] = {
    "thought": (f"<think>First try: {DRAFT} - too few.</think>\n{GOOD}", ALL),
    "thought with a longer draft": (f"<thinking>\n{LONG_DRAFT}\n</thinking>\n\n{GOOD}", ALL),
    "thought with a cut draft": (f"<think>I begin with {DRAFT[:40]}</think>{GOOD}", ALL),
    "thought without a beginning": (f"I could ask {DRAFT}. No.\n</think>\n\n{GOOD}", ALL),
    "thought after the answer": (f"{GOOD}\n<think>Or rather {DRAFT}?</think>", ALL),
    "two thoughts": (f"<think>{DRAFT}</think>\n<think>{LONG_DRAFT}</think>{GOOD}", ALL),
    "thoughts of other families": (f"[THINK]{DRAFT}[/THINK]{GOOD}", ALL),
    "channels": (
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}",
        ALL,
    ),
    "thought around, answer in lines": (f"<think>\n1. Is it a draft?\n</think>\n{LINES}", ALL),
    "thought without an end, then the answer": (f"<think>I should ask about oil.\n\n{GOOD}", ALL),
    "fenced draft": (f"```json\n{DRAFT}\n```\nThat is too few, so here is the full list:\n```json\n{GOOD}\n```", ALL),
    "fenced longer draft": (f"```json\n{LONG_DRAFT}\n```\n\nThese are vague. Revised:\n\n```json\n{GOOD}\n```", ALL),
    "Draft, Final answer": (f"Draft:\n{LONG_DRAFT}\n\nFinal answer:\n{GOOD}", ALL),
    "**Draft**, **Final answer**": (f"**Draft**\n{DRAFT}\n\n**Final answer**\n{GOOD}", ALL),
    "Draft, Final answer without the object": (f"Draft:\n{LONG_DRAFT}\n\nFinal answer:\n{json.dumps([A, B, C])}", ALL),
    "draft that is revised": (json.dumps({"questions": [A, "Is it a draft?"]}) + "\n" + TEXTS, ALL),
    "the same twice": (f"{GOOD}\n\n{GOOD}", ALL),
    "draft in lines": (f"Draft:\n1. Is it a draft?\n2. Is this one too?\n\nFinal answer:\n{LINES}", ALL),
    "headings in lines": (f"## First draft\n- Is it a draft?\n\n## Final answer\n{LINES}", ALL),
    "example behind": (f"{GOOD}\n\nAn example of a bad one would be {DRAFT}", ALL),
    "mention behind": (f"{GOOD}\n\nI left out {SMALL}.", ALL),
    "shape behind": (f'{GOOD}\nEach follows the schema {{"text": "..."}}.', ALL),
    "draft in the object": (json.dumps({"draft": ["Is it a draft?"], "questions": ITEMS}), ALL),
    "draft only": (f"Here is a draft of the questions: {GOOD}", ALL),
    "remark in JSON": (f'{{"status": "ok"}}\n{GOOD}\n{{"count": 3}}', ALL),
}

OPEN = GOOD[: GOOD.index(C[:10]) + 10]

STUMPS: dict[str, tuple[str, Finish, list[str]]] = {
    "in a text": (OPEN, "stop", [A, B]),
    "in a text, at the limit": (OPEN, "length", [A, B]),
    "in an escape": (GOOD[: GOOD.index('\\"hot') + 1], "stop", [A, B]),
    "after an escaped quote": (GOOD[: GOOD.index('\\"hot') + 2], "stop", [A, B]),
    "before the first text's end": ('{"questions": [{"text": "Is it r', "stop", []),
    "after a text": (GOOD[: GOOD.index('", "sub_type": "usage"}, {"text": "How') + 1], "stop", [A]),
    "in a label": (GOOD[: GOOD.rindex("sage")], "stop", ALL),
    "in a key": (GOOD[: GOOD.rindex("type")], "length", ALL),
    "between items": (GOOD[: GOOD.index(', {"text": "Can')], "stop", [A, B]),
    "before the last bracket": (GOOD[:-1], "stop", ALL),
    "list of texts": (TEXTS[:-12], "stop", [A, B]),
    "groups": (json.dumps({"features": [A, B], "usage": [C]})[:-10], "stop", [A, B]),
    "fence": (f"```json\n{OPEN}", "stop", [A, B]),
    "fence that is closed": (f"```json\n{OPEN}\n```", "stop", [A, B]),
    "list as a text": (json.dumps({"questions": json.dumps(ITEMS)})[:-30], "stop", [A, B]),
    "list as a text that was cut before": (json.dumps({"questions": json.dumps(ITEMS)[:-30]}), "stop", [A, B]),
    "quote missing in the middle": (json.dumps({"questions": ITEMS}, indent=1).replace('cm?"', "cm?"), "stop", [A, C]),
    "Python": (repr({"questions": ITEMS})[:-30], "stop", [A, B]),
    "JSON lines": ("\n".join(map(json.dumps, ITEMS))[:-35], "stop", [A, B]),
    "lines": (LINES[:-9], "stop", [A, B]),
    "lines, at the limit": (LINES[:-9], "length", [A, B]),
    "YAML": (f"questions:\n- text: {A}\n- text: {B}\n- text: Can it take hot", "stop", [A, B]),
    "table": (f"| text |\n|---|\n| {A} |\n| {B} |\n| Can it take", "stop", [A, B]),
    "thought that never ends": (f"<think>Perhaps {DRAFT}, perhaps", "length", []),
    "thought that never ends, at a stop": (f"<think>Perhaps {DRAFT} or some such", "stop", []),
    "answer after a draft": (f"Draft: {DRAFT}\n\nFinal answer: {OPEN}", "length", [A, B]),
    "second part": (
        json.dumps({"questions": ITEMS[:1]}) + "\n" + json.dumps({"questions": ITEMS[1:]})[:-40],
        "stop",
        [A, B],
    ),
}
