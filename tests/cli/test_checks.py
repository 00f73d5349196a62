"""Commands that look and do not touch: check, prompts render, schema, extras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def test_check_says_what_a_config_is_made_of_and_touches_nothing(here, job, tmp_path: Path):
    job()
    ended = here("check", "job.yaml")
    assert ended.code == 0
    assert "job.yaml: valid, job job" in ended.out
    assert "m (lab/model)" in ended.out
    assert [path.name for path in tmp_path.iterdir()] == ["job.yaml"]


def test_check_tries_sinks_only_if_told_to(here, job):
    job(sinks=[{"use": "lab/table", "path": "t.json", "fails": "check"}])
    assert here("check", "job.yaml").code == 0
    ended = here("check", "job.yaml", "--connect")
    assert (ended.code, ended.out) == (74, "")
    assert "there is no such table" in ended.err


def test_render_shows_the_requests_for_the_first_product_and_asks_nobody(here, job, tmp_path: Path):
    job(models={"m": {"use": "lab/model", "says": "exit"}})
    ended = here("prompts", "render", "job.yaml")
    assert ended.code == 0
    assert "── product · default:0:en ─" in ended.out
    assert "[system]" in ended.out
    assert "[user]" in ended.out
    assert '"title": "Product 0"' in ended.out
    assert {path.name for path in tmp_path.iterdir()} <= {"job.yaml", "table.json"}


def test_render_finds_a_product_by_key_or_id_and_takes_other_products(here, job):
    job()
    assert "Product 2" in here("prompts", "render", "job.yaml", "--key", "2").out
    assert "Product 1" in here("prompts", "render", "job.yaml", "--key", "default:1:en").out
    given = here("prompts", "render", "job.yaml", "--product", '{"id": 1, "title": "A kettle"}')
    assert "A kettle" in given.out
    missing = here("prompts", "render", "job.yaml", "--key", "nothing")
    assert (missing.code, missing.out) == (66, "")


def test_render_shows_the_schema_of_the_answer_and_on_request_a_refill(here, job):
    job()
    first = here("prompts", "render", "job.yaml").out
    refill = here("prompts", "render", "job.yaml", "--refill").out
    assert '"properties"' in first.partition("[schema]\n")[2]
    assert "Where is the Product 0 made?" not in first
    for shown in ("Write 2 questions", "Where is the Product 0 made?", '"Is it good?": "quality/bare_it"'):
        assert shown in refill


def test_render_shows_one_generator_or_all(here, job):
    job(
        generators=[
            {"name": "product", "prompt": "product", "model": "m", "count": 3},
            {"name": "rivals", "prompt": "market", "model": "m", "count": 3},
        ]
    )
    assert here("prompts", "render", "job.yaml").out.count("[user]") == 2
    one = here("prompts", "render", "job.yaml", "--generator", "rivals").out
    assert one.count("[user]") == 1
    assert "rivals · default:0:en" in one


NO_TEXT = "{questions: {type: array, items: {type: object, properties: {name: {type: string}}}}}"


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        (f"---\noutput: {{type: object, properties: {NO_TEXT}}}\n---\nAsk", "mine.j2:2: `output` has no place"),
        ("---\noutput: {type: objekt}\n---\nAsk", "mine.j2:2:10: output.type: is no valid JSON Schema"),
        ("Ask{% if want.round and not product.brand %}{{ 1 + 'a' }}{% endif %}", "mine.j2:1: "),
    ],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_prompt_that_cannot_give_questions_is_78_before_anything_is_paid(
    here, job, tmp_path: Path, command: str, prompt: str, said: str
):
    (tmp_path / "mine.j2").write_text(prompt)
    job(generators=[{"name": "product", "prompt": "mine.j2", "model": "m", "count": 3}])
    ended = here(command, "job.yaml")
    assert ended.code == 78
    assert said in ended.err


def test_a_prompt_with_a_mistake_is_78_with_its_line(here, job, tmp_path: Path):
    (tmp_path / "mine.j2").write_text("---\nname: mine\n---\nfirst\n{{ product.titel }}\n")
    job(generators=[{"name": "product", "prompt": "mine.j2", "model": "m", "count": 3}])
    ended = here("check", "job.yaml")
    assert ended.code == 78
    assert "mine.j2" in ended.err
    assert "titel" in ended.err


def test_extras_are_what_pip_would_have_to_install(here):
    ended = here("extras", str(ROOT / "configs" / "quickstart.yaml"))
    assert ended.out.split() == ["files", "offline", "postgres", "text"]


def test_the_schema_describes_configs_and_every_installed_component(here):
    ended = here("schema")
    assert ended.code == 0
    schema = ended.json
    assert "json-schema.org" in schema["$schema"]
    assert _refers_only_to_what_is_there(schema, schema)
    text = json.dumps(schema)
    for use in ("lab/model", "offline/model", "files/catalogue", "text/quality"):
        assert f'"{use}"' in text
    assert "How many products." in text


def _refers_only_to_what_is_there(node: Any, schema: Any) -> bool:
    """Whether each `$ref` leads somewhere in the schema, and each type is one of JSON Schema's."""
    types = {"object", "array", "string", "number", "integer", "boolean", "null"}
    if isinstance(node, list):
        return all(_refers_only_to_what_is_there(item, schema) for item in node)
    if not isinstance(node, dict):
        return True
    if isinstance(ref := node.get("$ref"), str):
        place = schema
        for step in ref.removeprefix("#/").split("/"):
            place = place[step.replace("~1", "/").replace("~0", "~")]
    if isinstance(kind := node.get("type"), str | list):
        assert {kind} <= types if isinstance(kind, str) else set(kind) <= types
    return all(_refers_only_to_what_is_there(item, schema) for item in node.values())
