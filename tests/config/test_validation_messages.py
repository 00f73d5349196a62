"""Everything that is wrong with a config, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.contracts.errors import ConfigError, PluginError
from querygen_core.strict_yaml.source import parse
from tests.demo_plugin import ENVIRON, GOOD, KEYS, RICH, load, problems_of

CASES = sorted((Path(__file__).parents[1] / "badinput" / "config").glob("*.yaml"))
EXPECTED = "#= "


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_config_gets_exactly_the_lines_it_says_itself(tmp_path, case):
    text = case.read_text(encoding="utf-8")
    expected = [line.removeprefix(EXPECTED) for line in text.splitlines() if line.startswith(EXPECTED)]
    assert problems_of(tmp_path, text) == expected


def test_ten_mistakes_are_ten_lines(tmp_path):
    text = next(case for case in CASES if case.stem == "ten_mistakes").read_text(encoding="utf-8")
    assert len(problems_of(tmp_path, text)) == 10


def test_prompts_are_loaded_and_their_problems_get_the_place_of_the_name(tmp_path):
    asked = []

    def load_prompt(name):
        asked.append(name)
        if name == "market":
            raise ConfigError(["prompts/market.j2:3:5: one", "prompts/market.j2:4:1: two"])

    text = GOOD.replace("demo/filter", "demo/filter\n    prompt: judge")
    assert problems_of(tmp_path, text, load_prompt=load_prompt) == [
        "6:20: generators[1].prompt: prompts/market.j2:3:5: one",
        "6:20: generators[1].prompt: prompts/market.j2:4:1: two",
    ]
    assert asked == ["product", "market", "judge"]


def test_a_plugin_that_cannot_be_loaded_is_a_line_like_others(tmp_path):
    class Broken:
        def component(self, kind, use):
            raise PluginError("plugin 'x' (querygen-x 1) cannot be imported: ImportError: no")

    assert "3:11: models.flash.use: plugin 'x' (querygen-x 1) cannot be imported: ImportError: no" in problems_of(
        tmp_path, GOOD, registry=Broken()
    )


def test_no_message_holds_what_came_from_the_environment(tmp_path):
    text = GOOD.replace("demo/filter", 'demo/filter\n    times: "${PASSWORD}"\n    mode: "x${PASSWORD}"')
    found = problems_of(tmp_path, text)
    assert len(found) == 2
    assert ENVIRON["PASSWORD"] not in "".join(found)


def test_no_message_holds_what_looks_like_a_key(tmp_path):
    found = problems_of(tmp_path, GOOD.replace("demo/filter", "demo/filter\n    mode: AIzaSyA1234567890"))
    assert found == ["9:5: postprocessors[0].mode: should be 'fast' or 'careful', not '***'"]


def test_hostile_text_stays_in_its_line(tmp_path):
    text = GOOD.replace("demo/filter", 'demo/filter\n    "a\\nb\\e[31m": 1\n    mode: "x\\u202e\\n"')
    assert problems_of(tmp_path, text) == [
        "9:5: postprocessors[0]['a\\nb\\x1b[31m']: unknown key 'a\\nb\\x1b[31m'; remove it",
        "10:5: postprocessors[0].mode: should be 'fast' or 'careful', not 'x\\u202e\\n'",
    ]


def test_a_flood_of_problems_is_cut(tmp_path):
    found = problems_of(tmp_path, GOOD + "".join(f"x{number}: 1\n" for number in range(500)))
    assert len(found) == 101
    assert found[-1] == "... and 400 more problems"


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.sampled_from(
            ["${T}", "${GONE}", "${secret:env:A}", "demo/file", "demo/filter", "flash", "core/prompt", "${"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "use", "name", "path", "dsn", "model", "count", "extra"]), inner),
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), st.sampled_from(KEYS))
@settings(max_examples=100)
def test_any_config_is_a_pipeline_or_a_config_error(changes, dropped):
    data = {**parse(RICH, "rich").data, **changes}
    data.pop(dropped, None)
    folder = Path()
    try:
        pipeline = load(folder, json.dumps(data))
    except ConfigError as exc:
        odd = [line for line in exc.problems if not (line.startswith("config.yaml") and line.isprintable())]
    else:
        odd = []
        json.dumps(pipeline.resolved, allow_nan=False)
    assert odd == []
