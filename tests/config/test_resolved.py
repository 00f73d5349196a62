"""What is kept of a config, and what keys are made of."""

from __future__ import annotations

import json

import pytest

from querygen_core.config import fingerprint, identity_of_model, load_pipeline_from
from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import ConfigError
from tests.demo_plugin import ENVIRON, GOOD, RICH, load, registry


def test_the_resolved_config_is_plain_and_loads_again_to_the_same(tmp_path):
    first = load(tmp_path, RICH)
    kept = json.loads(json.dumps(first.resolved))
    changed = {**ENVIRON, "A": "changed", "T": "99"}
    again = load_pipeline_from(kept, config_file="config.yaml", environ=changed, registry=registry(), load_prompt=str)
    assert (again.resolved, again.hash) == (first.resolved, first.hash)
    assert again.job_id == first.job_id == "${x} ${B} 1.10"
    assert again.prompts_dir == first.prompts_dir == "b${"
    assert again.generators[0].component.options == first.generators[0].component.options
    assert again.generators[0].component.options.inputs == {"tone": "${B}", "n": 1.0, "deep": [1, None]}
    dsn = again.sinks[0].component.options
    assert (dsn.dsn.reveal(), dsn.passwords["b"].reveal()) == ("x hunter2hunter2 b", "b")
    assert first.resolved["sinks"][0]["passwords"] == {"a": "${secret:env:PASSWORD}", "b": "${B}"}


def test_the_hash_depends_on_what_a_config_means(tmp_path):
    hashes = {
        name: load(tmp_path, text, environ=environ).hash
        for name, text, environ in [
            ("same", GOOD, ENVIRON),
            ("spelt out", GOOD.replace("flash-1,", "flash-1, temperature: 1.0,") + "runtime: {drain: 25}\n", ENVIRON),
            ("comment", "# hello\n" + GOOD, ENVIRON),
            ("other secret", GOOD, {**ENVIRON, "PASSWORD": "other"}),
            ("other option", GOOD.replace("flash-1", "flash-2"), ENVIRON),
        ]
    }
    same = hashes["same"]
    assert [name for name, found in hashes.items() if found == same] == ["same", "spelt out", "comment", "other secret"]


def test_a_fingerprint_leaves_out_secrets_and_what_changes_no_result(tmp_path):
    def prints(text):
        pipeline = load(tmp_path, text)
        return identity_of_model(pipeline.models["flash"].component), fingerprint(pipeline.postprocessors[0])

    first = prints(GOOD)
    assert first == (
        {"use": "demo/model", "options": {"model": "flash-1", "temperature": 1}},
        {
            "use": "demo/filter",
            "version": "1.2",
            "options": {
                "times": 1,
                "mode": "fast",
                "when": 1,
                "label": "x",
                "extra": {},
            },
        },
    )
    key = "${secret:env:PASSWORD}"
    moved = GOOD.replace(key, "${secret:file:/k}").replace("flash-1,", "flash-1, base_url: https://b.example, rpm: 7,")
    assert prints(moved) == first
    assert digest(prints(GOOD.replace("flash-1,", "flash-1, temperature: 1.0,"))) == digest(first)
    assert prints(GOOD.replace("flash-1,", "flash-1, temperature: 0.9,"))[0] != first[0]
    assert prints(GOOD.replace("demo/filter", "demo/filter\n    times: 2"))[1] != first[1]


def test_the_allowed_plugins_are_kept_with_the_job(tmp_path):
    kept = load(tmp_path, "plugins: [demo]\n" + GOOD).resolved
    assert kept["plugins"] == ["demo"]
    assert "plugins" not in load(tmp_path, GOOD).resolved
    with pytest.raises(ConfigError, match="plugin 'demo' is not among"):
        load_pipeline_from({**kept, "plugins": []}, config_file="c.yaml", registry=registry(), load_prompt=str)
