from __future__ import annotations

import pytest

from querygen_core.contracts.price import Price
from querygen_core.contracts.records import Request, Response, Usage
from querygen_core.engine.call_size import DEFAULT_MAX_OUTPUT, UsualSize, largest_size, usage_of, with_usage

REQUEST = Request(model="m", system="sys", prompt="Größe?", schema={"type": "object"})
SENT = 3 + 8 + 18
"""Bytes of it: system, prompt, schema."""


def test_the_worst_case_is_a_token_per_byte_and_as_many_as_the_answer_may_have():
    assert largest_size(REQUEST, 500).usage == Usage(input=SENT, output=500)
    assert largest_size(REQUEST, None).tokens == SENT + DEFAULT_MAX_OUTPUT
    prompt = Request(model="m", prompt="", parameters={"max_output_tokens": 700})
    assert largest_size(prompt, None).output == 700
    assert largest_size(prompt, 500).output == 500, "the config wins over the prompt"


def test_lone_surrogates_have_a_size_too():
    assert largest_size(Request(model="m", prompt="\ud800"), 1).input == 3


def test_the_usual_size_learns_the_longest_answer():
    usual = UsualSize()
    assert usual.expect(REQUEST) == 8 + 2000
    usual.learn(Usage(output=40, thinking=10))
    usual.learn(Usage(output=30))
    assert usual.expect(REQUEST) == 8 + 50


@pytest.mark.parametrize(
    ("said", "whole", "estimated"),
    [
        (Usage(input=9, output=2), Usage(input=9, output=2), Usage()),
        (Usage(input=9, output=0, cached=4), Usage(input=9, output=0, cached=4), Usage()),
        (Usage(), Usage(input=8, output=3, estimated=True), Usage(input=8, output=3)),
        (Usage(input=9, thinking=5), Usage(input=9, output=3, thinking=5, estimated=True), Usage(output=3)),
        (Usage(output=2), Usage(input=8, output=2, estimated=True), Usage(input=8)),
        (Usage(input=2**63, output=-1), Usage(input=8, output=3, estimated=True), Usage(input=8, output=3)),
        (Usage(input=9, output=2, cached=20), Usage(input=9, output=2, cached=9), Usage()),
    ],
)
def test_what_a_provider_leaves_out_is_estimated_and_what_it_says_is_used(said, whole, estimated):
    answered = Response(text="nine byte", usage=said)
    usage = usage_of(REQUEST, answered)
    assert (usage.whole, usage.estimated) == (whole, estimated)
    assert with_usage(answered, usage).usage == whole
    assert Price(input=1, output=1).of(usage.estimated) <= Price(input=1, output=1).of(usage.whole)
