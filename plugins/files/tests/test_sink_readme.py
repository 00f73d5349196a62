"""The README's tables and examples are true."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path

import pytest
import yaml

import querygen_files
from files_snapshots import deliver, outcome

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMPONENTS = {
    f"files/{component.name}": component
    for component in chain(
        querygen_files.querygen_inputs(), querygen_files.querygen_sinks(), querygen_files.querygen_observers()
    )
}


def section(name: str) -> str:
    """What stands under the heading of one component."""
    return re.split(r"^##", README.partition(f"\n### `{name}`\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[tuple[str, str]]:
    """First and second cell of each row of a table whose first cell is code."""
    return re.findall(r"^\| `([^`]+)` \| (.+?) \|", text, flags=re.MULTILINE)


def examples(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def test_the_overview_names_every_component():
    assert [name for name, _ in rows(README.partition("\n## ")[0])] == list(COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_components_table_is_its_options(name):
    fields = COMPONENTS[name].options.model_fields
    described = dict(rows(section(name)))
    assert set(described) == set(fields)
    for option, default in described.items():
        field = fields[option]
        value = field.get_default(call_default_factory=True)
        value = str(value).lower() if isinstance(value, bool) else value  # as YAML writes it
        assert default == ("required" if field.is_required() else f"`{value}`"), option


def test_the_config_is_one_that_the_components_take():
    (text,) = examples(README, "yaml")
    config = yaml.safe_load(text)
    for entry in (config["input"], *config["sinks"], *config["observers"]):
        COMPONENTS[entry.pop("use")].options(**entry)


def test_the_examples_have_the_keys_of_real_files(tmp_path):
    deliver(tmp_path / "a.jsonl", [outcome(1, "x")])
    deliver(tmp_path / "a.json", [outcome(1, "x")])
    (line,) = examples(section("files/jsonl"), "json")
    assert list(json.loads(line)) == list(json.loads((tmp_path / "a.jsonl").read_text()))
    (document,) = examples(section("files/json"), "json")
    shown, real = json.loads(document), json.loads((tmp_path / "a.json").read_text())
    assert list(shown) == list(real)
    assert list(shown["products"][0]) == list(real["products"][0])
    assert list(shown["products"][0]["queries"][0]) == list(real["products"][0]["queries"][0])
