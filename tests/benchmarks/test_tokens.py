from __future__ import annotations

from pathlib import Path

from tests.benchmarks.tokenizers import Count
from tests.benchmarks.tokens import compare

LABELS = """\
---
plan: {features: 3, care: 1}
output: {type: object, properties: {questions: {type: array, items: {type: object, properties: {text: {}, facet: {}}}}}}
---
{{ product | untrusted("product") }}
{{ {"query_type": want.query_type, "count": want.count, "plan": plan} | untrusted("request") }}
"""


def test_prompts_that_ask_for_labels_are_dearer(tmp_path: Path):
    for name in ("macros", "product", "market"):
        (tmp_path / f"{name}.j2").write_text(LABELS)
    found = compare(tmp_path, 8, None, Count("words", lambda text: len(text.split())))
    rows = {row.name: row.figures for row in found}
    assert list(rows) == [
        "before, 0% dropped",
        "now, 0% dropped",
        "ratio of USD, 0% dropped",
        "before, 5% dropped",
        "now, 5% dropped",
        "ratio of USD, 5% dropped",
        "how",
    ]
    before, now = rows["before, 0% dropped"], rows["now, 0% dropped"]
    assert (before["one_call_percent"], now["one_call_percent"]) == (100, 100)
    assert before["answer_per_question"] > now["answer_per_question"] > 8
    assert rows["now, 5% dropped"]["one_call_percent"] > rows["before, 5% dropped"]["one_call_percent"]
