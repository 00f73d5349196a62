"""Whatever the notation, what is said around it, and where it is cut: every complete question is read, and no more."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

import pytest

from querygen_core.answers import Parsed, read_answer
from querygen_core.contracts.records import Response
from tests.answers.test_shapes import NAMES, PLAN, QUESTIONS

OPENINGS = ("Does", "Can", "Will", "How does", "Why would", "In what way does", "Est-ce que", "¿Cuánto cuesta", "Passt")
MIDDLES = (
    "the Alva Kettle",
    'the "Alva" Kettle',
    "the Café's Kettle (1,7 l)",
    "this: the kettle, that is,",
    "die Alva-Kanne 🫖",
    "the 5' 10\" pan",
    "the C\\D kettle",
    "ケトル",
)
ENDINGS = ("fit a drawer?", "last [so they say]?", "work at 230 V, e.g. here?", "cost {a lot}?", "help - or not?")
Notation = Callable[[Sequence[dict[str, str]]], str]


def grouped(items: Sequence[dict[str, str]]) -> dict[str, list[str]]:
    return {name: [item["text"] for item in items if item["sub_type"] == name] for name in NAMES}


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


NOTATIONS: dict[str, Notation] = {
    "as asked": lambda items: dumps({"questions": items}),
    "escaped": lambda items: json.dumps({"questions": items}),
    "indented": lambda items: json.dumps({"questions": items}, indent=2),
    "plan": lambda items: dumps(grouped(items)),
    "groups": lambda items: dumps({"questions": grouped(items)}),
    "named groups": lambda items: dumps([{"sub_type": key, "questions": one} for key, one in grouped(items).items()]),
    "texts": lambda items: dumps({"questions": [item["text"] for item in items]}),
    "other key": lambda items: dumps([{"query_text": item["text"], "facet": "colour"} for item in items]),
    "list as a text": lambda items: dumps({"questions": dumps(items)}),
    "list as a text, twice": lambda items: dumps({"questions": dumps(dumps(items))}),
    "all as a text": lambda items: dumps(dumps({"questions": items})),
    "numbers": lambda items: dumps({str(number): item for number, item in enumerate(items)}),
    "result": lambda items: dumps({"result": {"questions": items}}),
    "lines": lambda items: "\n".join(map(dumps, items)),
    "two objects": lambda items: "\n".join(dumps({"questions": part}) for part in (items[:2], items[2:])),
    "keyed by question": lambda items: dumps({item["text"]: item["sub_type"] for item in items}),
    "trailing commas": lambda items: dumps({"questions": items}).replace("}, {", ",}, {").replace("}]", "},]"),
    "bullets": lambda items: "\n".join(f"- {item['text']}" for item in items),
    "bold numbers": lambda items: "\n\n".join(f"**{number}.** {item['text']}" for number, item in enumerate(items, 1)),
    "table": lambda items: (
        "| sub_type | text |\n|---|---|\n" + "\n".join(f"| {item['sub_type']} | {item['text']} |" for item in items)
    ),
    "YAML": lambda items: (
        "questions:\n" + "\n".join(f"  - text: {item['text']}\n    sub_type: {item['sub_type']}" for item in items)
    ),
    "Text: lines": lambda items: "\n\n".join(f"Text: {item['text']}\nFacet: colour" for item in items),
}
IN_OTHER_ORDER = ("plan", "groups", "named groups")
DRAFT = dumps({"questions": [{"text": "Is it a draft?", "sub_type": "usage"}]})
BEFORE = (
    "",
    "",
    "Here are the questions:\n\n",
    f"<think>I begin with {DRAFT}. That is too few.</think>\n\n",
    "<think>\n1. Is it a draft?\n2. Is it so?\n</think>\n",
    f"Draft:\n{DRAFT}\n\nFinal answer:\n",
    f"I thought of {DRAFT} first.\n</think>\n",
)


def questions(random_of: random.Random) -> list[dict[str, str]]:
    texts = [
        f"{random_of.choice(OPENINGS)} {random_of.choice(MIDDLES)} no. {number} {random_of.choice(ENDINGS)}"
        for number in range(random_of.randint(3, 9))
    ]
    return [{"text": text, "sub_type": random_of.choice(NAMES)} for text in texts]


def in_order(items: Sequence[dict[str, str]], notation: str) -> list[str]:
    if notation in IN_OTHER_ORDER:
        return [text for texts in grouped(items).values() for text in texts]
    return [item["text"] for item in items]


@pytest.mark.parametrize("notation", NOTATIONS)
def test_every_complete_question_is_read_and_nothing_else(notation: str) -> None:
    for seed in range(60):
        random_of = random.Random(f"{notation} {seed}")
        items = questions(random_of)
        body = NOTATIONS[notation](items)
        before = random_of.choice(BEFORE)
        cut_at = random_of.choice((len(body), random_of.randint(0, len(body))))
        schema = random_of.choice((QUESTIONS, PLAN))
        finish = "stop" if cut_at == len(body) else random_of.choice(("stop", "length"))
        text = before + body[:cut_at]
        parsed = read_answer(Response(text=text, finish=finish), schema)
        read = [item["text"] for item in parsed.value["questions"]] if isinstance(parsed, Parsed) else []
        asked = in_order(items, notation)
        complete = asked[: count_complete(body, cut_at, asked)]
        if not complete and DRAFT in before:  # nothing but the draft may have been left to read
            assert read in ([], ["Is it a draft?"]), (seed, text)
        else:
            assert read == complete, (seed, text)


def count_complete(body: str, cut_at: int, asked: Sequence[str]) -> int:
    """How many of the texts stand in `body` before `cut_at`, each with the mark that ends it."""
    count = position = 0
    for text in asked:
        forms = {text}
        for _ in range(3):
            forms |= {dumps(form)[1:-1] for form in forms} | {json.dumps(form)[1:-1] for form in forms}
        places = [(place, len(form)) for form in forms if (place := body.find(form, position)) >= 0]
        start, length = min(places, key=lambda place: (place[0], -place[1]))
        position = start + length
        if body[position : position + 1] not in ("", "\n", " "):  # an escaped quotation mark, or a plain one
            position += len(body[position:]) - len(body[position:].lstrip("\\")) + 1
        if position > cut_at:
            break
        count += 1
    return count
