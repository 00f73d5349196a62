"""Which plugins a config needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from querygen_core.config import extras
from querygen_core.contracts.errors import ConfigError


def test_extras_are_told_without_plugins_and_without_the_environment(tmp_path):
    Path("c.yaml").write_text(
        'models: {m: {use: gemini/api, api_key: "${KEY}", other: "${secret:vault/kv:a#b} ${secret:env:X}"}}\n'
        "generators: [{name: a}, {use: rules/x}]\nsinks: [{use: postgres/queries}, {use: postgres/other}, 5]\n"
        "observers: [{use: my-log/x}]\njournal: {url: 's3://bucket'}\npostprocessors:\nsubmit: {use: grid/x}\n"
    )
    assert extras("c.yaml") == ["aws", "files", "gemini", "grid", "my-log", "postgres", "rules", "vault"]


def test_extras_that_are_not_clear_are_problems(tmp_path):
    Path("c.yaml").write_text(
        "input: {use: '${PLUGIN:-files}/x'}\nsinks: [{use: a b/c}, {use: $(reboot)/x}, {path: '${'}]\nsinks: []\n"
    )
    with pytest.raises(ConfigError) as caught:
        extras("c.yaml")
    assert [line.split(": ")[:2] for line in caught.value.problems] == [
        ["c.yaml:1:9", "input.use"],
        ["c.yaml:2:10", "sinks[0].use"],
        ["c.yaml:2:24", "sinks[1].use"],
        ["c.yaml:2:44", "sinks[2].path"],
        ["c.yaml:3:1", "sinks"],
    ]
