"""`--set path=value`."""

from __future__ import annotations

import pytest

from tests.demo_plugin import GOOD, load, problems_of


def test_sets_put_values_in(tmp_path):
    pipeline = load(
        tmp_path,
        GOOD,
        sets=[
            "runtime.concurrency=8",
            "generators.market.count=3",
            "generators.0.count=4",
            "sinks.demo/file.path=1.10x=y",
            "postprocessors=[]",
            "models.flash.model=${B}",
            "observers=[{use: demo/log, label: 'true'}]",
            "job_id=from-set",
            "models.flash.rpm=null",
        ],
    )
    assert (pipeline.job_id, pipeline.runtime.concurrency, pipeline.postprocessors) == ("from-set", 8, ())
    assert [one.count for one in pipeline.generators] == [4, 3]
    assert pipeline.sinks[1].component.options.path == "1.10x=y"
    assert (pipeline.models["flash"].component.options.model, pipeline.observers[0].options.label) == ("b", "true")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("concurrency", "should be path=value, such as runtime.concurrency=8"),
        ("=3", "should be path=value, such as runtime.concurrency=8"),
        ("a..b=3", "should be path=value, such as runtime.concurrency=8"),
        ("job_id=", "the value is missing; write '' for empty text or null for no value"),
        ("runtime.concurrency=x", "runtime.concurrency: should be a whole number, not 'x'"),
        ("generators.market.count=x", "generators[1].count: should be a whole number, not 'x'"),
        ("runtime.concurency=8", "runtime.concurency: unknown key 'concurency'; did you mean 'concurrency'?"),
        ("runtme.concurrency=8", "runtme: unknown key 'runtme'; did you mean 'runtime'?"),
        ("generators.markt.count=1", "no item is named 'markt'; did you mean 'market'?"),
        ("generators.7.count=1", "no item 7: the list has 2 items, counted from 0"),
        ("generators.product.name=market", None),
        ("input.use.x=1", "'x' cannot be set: the path leads through a value that is not a mapping or list"),
        ("job_id=*a", "an alias (*a) is not allowed; write the value out"),
        ("job_id=[1", "this '[' is not closed"),
        ("job_id=a\x1bb", "the control character U+001B is not allowed; remove it"),
        ("job_id=\udce4", "the control character U+DCE4 is not allowed; remove it"),
        ("job_id=${GONE}", "job_id: the environment variable GONE is not set; set it, or write ${GONE:-default}"),
        ("models.flash.model=1.10", "models.flash.model: should be text, not 1.1; put it in quotes if it is text"),
        ("sinks=[]", "sinks: should not be empty"),
    ],
)
def test_a_wrong_set_is_shown_as_it_was_given(tmp_path, given, problem):
    found = problems_of(tmp_path, GOOD, sets=[given])
    if problem is None:
        assert found == ["6:6: generators[1].name: the name 'market' is already used by generators[0]; choose another"]
    else:
        label = given.replace("\x1b", "\\x1b").replace("\udce4", "\\udce4")
        assert found == [f"--set {label}: {problem}"]


def test_a_name_that_two_items_have_is_no_place(tmp_path):
    text = GOOD + "  - {use: demo/file, path: b}\n"
    assert problems_of(tmp_path, text, sets=["sinks.demo/file.path=c"]) == [
        "--set sinks.demo/file.path=c: several items are named 'demo/file'"
    ]


def test_problems_of_sets_come_after_those_of_the_file_and_all_are_told(tmp_path):
    found = problems_of(tmp_path, "job_id: 5\n" + GOOD, sets=["runtime.rpm=0", "x=1"])
    assert [line.split(": ")[0] for line in found] == ["1:1", "--set runtime.rpm=0", "--set x=1"]
