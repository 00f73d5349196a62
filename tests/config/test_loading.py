"""A good config becomes a `Pipeline`, with names, types and defaults where it leaves them out."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.config import load_pipeline, with_spare
from querygen_core.contracts.errors import ConfigError
from tests.demo_plugin import ENVIRON, GOOD, RICH, load, problems_of, registry


def test_a_good_config_becomes_a_pipeline(tmp_path):
    pipeline = load(tmp_path, GOOD)
    assert (pipeline.job_id, pipeline.config_file, pipeline.config_dir) == ("config", Path("config.yaml"), Path())
    assert (pipeline.input.use, pipeline.input.name, pipeline.input.path) == (
        "demo/catalogue",
        "demo/catalogue",
        "input",
    )
    (model,) = pipeline.models.values()
    assert (model.component.name, model.component.kind, model.component.path) == ("flash", "provider", "models.flash")
    assert (model.rpm, model.tpm, model.concurrency) == (None, None, None)
    assert [(one.component.name, one.component.use, one.query_type, one.count) for one in pipeline.generators] == [
        ("product", "core/prompt", "product", 25),
        ("market", "core/prompt", "market", 10),
    ]
    assert [part.path for part in pipeline.postprocessors] == ["postprocessors[0]"]
    assert [(one.component.name, one.required) for one in pipeline.sinks] == [("demo/table", True), ("demo/file", True)]
    assert (pipeline.journal.url, pipeline.runtime.concurrency, pipeline.prompts_dir) == (None, 64, None)
    assert pipeline.sinks[1].component.registered.version == "1.2"


def test_names_and_types_have_defaults(tmp_path):
    text = GOOD.replace("  - {name: market,", "  - {use: demo/rules}\n  - {use: demo/rules}\n  - {name: market,")
    text += "  - {use: demo/file, path: b}\n  - {use: demo/file, path: c, name: last, required: false}\n"
    pipeline = load(tmp_path, text)
    assert [(one.component.name, one.query_type) for one in pipeline.generators] == [
        ("product", "product"),
        ("demo/rules", "demo/rules"),
        ("demo/rules#2", "demo/rules#2"),
        ("market", "market"),
    ]
    assert [one.component.name for one in pipeline.sinks] == ["demo/table", "demo/file", "demo/file#2", "last"]
    assert [one.required for one in pipeline.sinks] == [True, True, True, False]


def test_a_request_asks_for_a_little_more_where_some_will_be_dropped(tmp_path):
    pipeline = load(tmp_path, GOOD.replace("count: 10}", "count: 10, ask: 10}"))
    assert [pipeline.asked(one) for one in pipeline.generators] == [28, 10]
    unfiltered = replace(pipeline, postprocessors=())
    assert [unfiltered.asked(one) for one in unfiltered.generators] == [25, 10]


@pytest.mark.parametrize(("count", "asked"), [(1, 2), (3, 4), (8, 9), (25, 28), (50, 56), (100, 112), (500, 560)])
def test_an_eighth_more_is_asked_for_than_is_wanted(count, asked):
    assert with_spare(count) == asked


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("count: 10, ask: 9}", "should be at least `count`, which is 10"),
        ("ask: 24}", "should be at least `count`, which is 25"),
        ("count: 10, ask: 0}", "should be at least 1"),
    ],
)
def test_asking_for_fewer_than_are_wanted_is_a_mistake(tmp_path, written, message):
    (problem,) = problems_of(tmp_path, GOOD.replace("count: 10}", written))
    assert f"generators[1].ask: {message}" in problem


@pytest.mark.parametrize(
    ("job_id", "environ", "expected"),
    [
        ("${JOB:-nightly}", {}, "nightly"),
        ("${JOB:-nightly}", {"JOB": "2026"}, "2026"),
        ("../../x %2e/$${a}", {}, "../../x %2e/${a}"),
        ("NO", {}, "NO"),
        ("22:22", {}, "22:22"),
        ("x" * 255, {}, "x" * 255),
    ],
)
def test_a_job_id_is_taken_as_it_is(tmp_path, job_id, environ, expected):
    assert load(tmp_path, f"job_id: {job_id}\n{GOOD}", environ={**ENVIRON, **environ}).job_id == expected


def test_the_command_line_names_the_job_literally(tmp_path):
    assert load(tmp_path, "job_id: a\n" + GOOD, job_id="${HOME} b").job_id == "${HOME} b"
    assert problems_of(tmp_path, GOOD, job_id="a\nb") == [
        "--job-id 'a\\nb': job_id: should not contain line breaks or control characters"
    ]
    assert problems_of(tmp_path, GOOD, job_id="") == ["--job-id '': job_id: should not be empty"]


def test_a_file_name_that_is_no_job_id_is_refused(tmp_path):
    Path("a\tb.yaml").write_text(GOOD)
    with pytest.raises(ConfigError) as caught:
        load_pipeline("a\tb.yaml", environ=ENVIRON, registry=registry(), load_prompt=str)
    assert caught.value.problems == ("a\\tb.yaml: job_id: should not contain line breaks or control characters",)


def test_what_the_environment_fills_in_is_converted_but_never_parsed(tmp_path):
    text = GOOD.replace("demo/filter", 'demo/filter\n    times: "${T}"\n    label: "${YAML}"\n    extra: {a: "${T}"}')
    options = load(tmp_path, text).postprocessors[0].options
    assert (options.times, options.label, options.extra) == (3, "[1, 2]\nx: 3", {"a": "3"})


def test_prompts_are_looked_for_in_prompts_dir(tmp_path):
    Path("here").mkdir()
    Path("here/product.j2").write_text("Ask about {{ product.title }}.")
    text = GOOD.replace("  - {name: market, prompt: market, model: flash, count: 10}\n", "") + "prompts_dir: here\n"
    assert load(tmp_path, text, load_prompt=None).prompts_dir == "here"
    (problem,) = problems_of(tmp_path, text.replace("prompt: product", "prompt: prodct"), load_prompt=None)
    assert problem.startswith("5:21: generators[0].prompt: ")
    assert "did you mean 'product'?" in problem


def test_two_sinks_that_differ_in_a_plain_secret_only_are_two(tmp_path):
    text = GOOD + "  - {use: demo/table, dsn: one-dsn}\n  - {use: demo/table, dsn: two-dsn}\n"
    assert len(load(tmp_path, text).sinks) == 4
    assert len(problems_of(tmp_path, text.replace("two-dsn", "one-dsn"))) == 1


def test_loading_is_quick(tmp_path):
    made = registry()
    load(tmp_path, RICH, registry=made)
    times = []
    for _ in range(5):
        start = time.process_time()
        load(tmp_path, RICH, registry=made)
        times.append(time.process_time() - start)
    assert sorted(times)[2] < 0.05
