from __future__ import annotations

import pytest

from tests.golden import COUNT, HERE, RECORDS, products, renders, shown

RENDERS = dict(renders())
TOKEN = 4  # characters, roughly
LARGEST = 20_000  # tokens of a prompt, whatever a product holds


def test_all_six_are_products():
    assert products().keys() == RECORDS.keys()


@pytest.mark.parametrize("name", RENDERS)
def test_a_prompt_says_what_was_looked_at(name):
    text = (HERE / name).read_text("utf-8")
    assert shown(RENDERS[name]) == text, "if it should: uv run python -m tests.golden, and look at the difference"


def test_no_file_is_left_over():
    assert {path.name for path in HERE.glob("*.txt")} == set(RENDERS)


@pytest.mark.parametrize("name", RENDERS)
def test_a_prompt_has_a_size_that_can_be_paid(name):
    request = RENDERS[name]
    tokens = (len(request.system) + len(request.prompt)) / TOKEN
    assert 300 < tokens < LARGEST, f"{tokens:.0f} tokens"


def test_a_refill_asks_for_the_shortfall_and_names_what_is_there():
    for prompt in ("product", "market"):
        first, refill = RENDERS[f"rich-{prompt}.txt"], RENDERS[f"rich-{prompt}-refill.txt"]
        assert f"{COUNT} questions" in first.prompt
        assert "3 questions" in refill.prompt
        assert "Is it loud?" in refill.prompt
        assert '"Nice?": "too_short"' in refill.prompt
        assert "Is it loud?" not in first.prompt
