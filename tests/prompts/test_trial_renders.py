from __future__ import annotations

from collections.abc import Callable

import pytest

from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts import PromptFile
from querygen_core.prompts.trial_renders import find_render_problem

Load = Callable[..., PromptFile]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% if not product.description %}{{ prodct.title | lower }}{% set prodct = product %}{% endif %}x", "prodct"),
        ("{% if want.round %}{% for a in want.accepted %}{{ loop.indx }}{% endfor %}{% endif %}x", "indx"),
        ("x{% if not product.audience %}{{ 1 + 'a' }}{% endif %}", "int + str"),
        ("x{% if want.missing %}{{ want.missing | round }}{% endif %}", ""),
        ("x{% if product.competitors and not product.brand %}{{ product.title / 2 }}{% endif %}", "str / int"),
        ("{% if product.description %}x{% endif %}", "the rendered prompt is empty"),
        ("{% for word in product.title.split() %}{% set last = word %}{% endfor %}{{ last }}", "last"),
    ],
)
def test_a_mistake_in_a_branch_that_few_products_reach(load: Load, text: str, said: str) -> None:
    problem = find_render_problem(load(text), {})
    assert isinstance(problem, ConfigError)
    assert said in str(problem)
    assert "main.j2" in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "{{ product.title }} of {{ product.attributes.Colour }}",
        "{{ product.attributes['Net weight'] | upper }}",
        "{{ product.bullet_points[4] }}",
        "{% if product.brand %}{{ product.brand }}{% endif %}{{ product.title }}",
    ],
)
def test_what_a_catalogue_s_products_have_is_not_known_before(load: Load, text: str) -> None:
    assert find_render_problem(load(text), {}) is None


def test_volatile_fields_and_inputs_are_there(load: Load) -> None:
    front = "---\nvolatile: [price]\ninputs: {tone: {}}\n---\n"
    good = load(front + "{% if product.price %}{{ inputs.tone | lower }}{% endif %}x")
    assert find_render_problem(good, {"tone": "warm"}) is None
    bad = load(front + "{% if not product.price %}{{ product.price + 1 }}{% endif %}x")
    assert find_render_problem(bad, {"tone": "warm"}) is not None
