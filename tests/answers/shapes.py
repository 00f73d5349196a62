"""Answers in many shapes that all say the same."""

from __future__ import annotations

import json

A, B = "Is it red?", "How big is it, in cm?"
"""The questions of every shape here."""
ITEMS = [{"text": A, "sub_type": "features"}, {"text": B, "sub_type": "usage"}]
GOOD = json.dumps({"questions": ITEMS})
LIST = json.dumps(ITEMS)


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


SHAPES: dict[str, str] = {
    "as asked": GOOD,
    "indented": json.dumps({"questions": ITEMS}, indent=2),
    "byte order mark": f"\ufeff \n{GOOD}\n",
    "list": LIST,
    "list of texts": dumps([A, B]),
    "texts": dumps({"questions": [A, B]}),
    "list as a text": dumps({"questions": LIST}),
    "list as a text, twice": dumps({"questions": dumps(LIST)}),
    "all as a text": dumps(GOOD),
    "all as a text, twice": dumps(dumps(GOOD)),
    "items as texts": dumps({"questions": [dumps(item) for item in ITEMS]}),
    "escaped without quotes around": dumps(GOOD)[1:-1],
    "lines in a text": dumps({"questions": f"1. {A}\n2. {B}"}),
    "groups": dumps({"questions": {"features": [A], "usage": [{"text": B}]}}),
    "groups at the top": dumps({"features": [ITEMS[0]], "usage": [B]}),
    "groups with names": dumps([{"sub_type": "features", "questions": [A]}, {"sub_type": "usage", "questions": [B]}]),
    "groups of groups": dumps(
        {"questions": [{"category": "features", "items": [A]}, {"category": "usage", "items": [B]}]}
    ),
    "one text for each sub_type": dumps({"features": A, "usage": B}),
    "key q": dumps({"questions": [{"q": A}, {"q": B}]}),
    "key query_text": dumps({"questions": [{"query_text": A}, {"query_text": B}]}),
    "key Question": dumps([{"Question": A}, {"questionText": B}]),
    "key of another language": dumps({"questions": [{"frage": A, "facet": "colour"}, {"frage": B, "facet": "size"}]}),
    "key title": dumps({"questions": [{"title": A}, {"content": B}]}),
    "label in the text": dumps({"questions": [{"text": "features", "question": A}, {"text": "usage", "question": B}]}),
    "text in an object": dumps({"questions": [{"question": {"text": A}}, {"question": {"text": B}}]}),
    "numbers": dumps({"1": A, "2": {"text": B}}),
    "numbers with a letter": dumps({"questions": {"q1": A, "q2": B}}),
    "keyed by question": dumps({A: "features", B: "usage"}),
    "keyed by question with labels": dumps({"questions": {A: {"sub_type": "features"}, B: None}}),
    "result": dumps({"result": {"questions": ITEMS}}),
    "data": dumps({"status": "ok", "data": {"questions": {"features": [A], "usage": [B]}}}),
    "rows": dumps([["features", A], ["usage", B]]),
    "JSON lines": f"{dumps(ITEMS[0])}\n{dumps(ITEMS[1])}",
    "JSON lines with numbers": f"1. {dumps(ITEMS[0])}\n2. {dumps(ITEMS[1])}",
    "JSON lines with remarks": f"{dumps(ITEMS[0])} (asked often)\n{dumps(ITEMS[1])} (asked by some)",
    "two objects": dumps({"questions": ITEMS[:1]}) + dumps({"questions": ITEMS[1:]}),
    "two objects with a rule": dumps({"questions": ITEMS[:1]}) + "\n\n---\n\n" + dumps({"questions": ITEMS[1:]}),
    "two fences": f"```json\n{dumps(ITEMS[:1])}\n```\n\n```json\n{dumps(ITEMS[1:])}\n```",
    "headings": f"## Features\n```json\n{dumps([A])}\n```\n\n## Usage\n```json\n{dumps([B])}\n```",
    "a key twice": f'{{"questions": [{{"text": "{A}", "sub_type": "x", "text": "{B}", "sub_type": "y"}}]}}',
    "a list twice": f'{{"questions": ["{A}"], "questions": ["{B}"]}}',
    "fence": f"```json\n{GOOD}\n```",
    "fence without an end": f"Sure, here they are:\n```\n{GOOD}",
    "words around": f"Sure! For {{product}} see [here]: {GOOD}\nI hope that helps [1].",
    "echo before": f'From {{"title": "Kettle", "brand": "Alva"}} I made: {GOOD}',
    "Python": repr({"questions": ITEMS, "done": True, "next": None}),
    "single quotes within": f"{{'questions': [{{'text': '{A}'}}, {{'text': '{B}', 'persona': 'who's who'}}]}}",
    "trailing commas": GOOD.replace("}]", "},]").replace('"}', '",}'),
    "comments": GOOD.replace("[{", "[ // the list\n{").replace("}, {", "}, /* and */ # then\n {"),
    "bare keys": GOOD.replace('"text":', "text:").replace('"sub_type":', "sub_type:"),
    "bare texts": f"{{questions: [{{text: {A}, sub_type: features}}, {{text: 'How big is it, in cm?'}}]}}",
    "typographic quotes": GOOD.replace('"', "“"),
    "no commas": GOOD.replace("}, {", "} {").replace('", "', '" "'),
    "brackets missing": GOOD.replace("}, {", ", {"),
    "end missing": GOOD.removesuffix("]}"),
    "dots": GOOD.replace("]}", ", ...]}"),
    "doubled braces": GOOD.replace("{", "{{").replace("}", "}}"),
    "raw line end": GOOD.replace('", "sub', '\n", "sub'),
    "Markdown": f"Here they are:\n\n1. {A}\n2) **{B}**\n\nLet me know!",
    "bold numbers": f"**1.** {A}\n\n**2.** {B}",
    "numbers in bold lines": f"**1. {A}**\n**2. {B}**",
    "bullets": f'- "{A}"\n* {B}\n- and a remark\n',
    "Q1": f"Q1: {A}\nQ2: {B}",
    "labels behind": f"1. {A} (features)\n2. {B} — *usage*",
    "labels before": f"- **Features:** {A}\n- **Usage**: {B}",
    "table": f"| # | Question | Sub type |\n|---|---|---|\n| 1 | {A} | features |\n| 2 | {B} | usage |",
    "table without a name": f"| x | y |\n|:--|--:|\n| colour | {A} |\n| size | {B} |",
    "CSV": f'text,sub_type\n"{A}",features\n"{B}",usage',
    "CSV, text behind": f'sub_type,text\nfeatures,"{A}"\nusage,"{B}"',
    "CSV, no quotes": f"sub_type,text\nfeatures,{A}\nusage,{B}",
    "CSV, no quotes, text first": f"question;persona\n{A};buyer\n{B};owner",
    "CSV, no quotes, text between": f"sub_type,question,persona\nfeatures,{A},buyer\nusage,{B},owner",
    "CSV in a fence": f'Here they are:\n\n```csv\nsub_type,text\nfeatures,"{A}"\nusage,"{B}"\n```\nWill this do?',
    "list of HTML": f"<ol><li>{A}</li><li> {B} </li><li>and a remark</li></ol>",
    "items of HTML": f"<p>Here they are:</p>\n<ul>\n<li>{A}</li>\n<li>{B}</li>\n</ul>",
    "YAML": f'questions:\n  - text: {A}\n    sub_type: features\n  - text: "{B}"\n    sub_type: usage\n',
    "YAML, sub_type first": f"- sub_type: features\n  text: {A}\n- sub_type: usage\n  text: {B}\n",
    "YAML, folded": "questions:\n- text: >-\n    Is it\n    red?\n- text: How big is it,\n    in cm?\n",
    "YAML groups": f"features:\n  - {A}\nusage:\n  - {B}\n",
    "Text: lines": f"Text: {A}\nSub_type: features\nFacet: colour\n\nText: {B}\nSub_type: usage\nFacet: size\n",
    "**Text:** lines": f"**Text:** {A}\n**Facet:** colour\n\n**Text:** {B}\n**Facet:** size",
    "numbered Text: lines": f"1. Text: {A}\n   Explanation: why would anyone ask?\n2. Text: {B}\n   Explanation: none",
    "tags": f'<questions><question>{A}</question>\n<question sub_type="usage">{B}</question></questions>',
    "own key in the text": dumps([f"Text: {A}", f"Question: {B}"]),
    "asides": dumps({"reasoning": ["I thought of a kettle."], "questions": ITEMS, "notes": ["Why so few?"]}),
}
