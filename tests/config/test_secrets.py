"""Secrets go where they may, are fetched late and shown never."""

from __future__ import annotations

import json
import logging

import pytest

from querygen_core.config import load_pipeline_from
from querygen_core.contracts.errors import ConfigError, PluginError
from querygen_core.registry import BuiltComponent, GuardedResolver, PluginGuard
from querygen_core.secrets import masking
from tests.demo_plugin import ENVIRON, GOOD, load, registry


def test_secrets_are_not_fetched_by_loading(tmp_path):
    pipeline = load(tmp_path, GOOD.replace("env:PASSWORD", "env:GONE"))
    assert str(pipeline.sinks[0].component.options.dsn) == "postgres://me:${secret:env:GONE}@${B}/db"
    assert load(tmp_path, GOOD).sinks[0].component.options.dsn.reveal() == "postgres://me:hunter2hunter2@b/db"


def test_a_revealed_part_of_a_text_is_masked_by_itself(tmp_path):
    load(tmp_path, GOOD, environ={**ENVIRON, "PASSWORD": "unheard-of"})
    assert masking.mask("unheard-of") == "unheard-of"
    made = registry()
    made._environ = {"PASSWORD": "unheard-of"}
    load(tmp_path, GOOD, registry=made).sinks[0].component.options.dsn.reveal()
    assert masking.mask("unheard-of") == "***"


def test_a_variable_in_a_place_for_secrets_is_a_secret(tmp_path, caplog):
    pipeline = load(tmp_path, GOOD.replace("${secret:env:PASSWORD}", "${PASSWORD}"))
    key, dsn = pipeline.models["flash"].component.options.api_key, pipeline.sinks[0].component.options.dsn
    assert (str(key), key.reveal()) == ("${PASSWORD}", ENVIRON["PASSWORD"])
    assert (str(dsn), dsn.reveal()) == ("postgres://me:${PASSWORD}@${B}/db", "postgres://me:hunter2hunter2@b/db")
    assert ENVIRON["PASSWORD"] not in json.dumps(pipeline.resolved)
    assert not caplog.records


def test_a_secret_in_plain_is_taken_masked_and_warned_about(tmp_path, caplog):
    text = GOOD.replace("${secret:env:PASSWORD}", "swordfish-1")
    with caplog.at_level(logging.WARNING, logger="querygen.config"):
        pipeline = load(tmp_path, text)
    assert [record.getMessage() for record in caplog.records] == [
        f"config.yaml:{place}: this secret is in plain text; use ${{secret:env:NAME}} and set the variable"
        for place in ("3:44: models.flash.api_key", "10:23: sinks[0].dsn")
    ]
    assert pipeline.models["flash"].component.options.api_key.reveal() == "swordfish-1"
    assert "swordfish-1" not in json.dumps(pipeline.resolved)
    assert masking.mask("swordfish-1") == "***"


def test_a_secret_in_plain_is_not_kept_with_the_job(tmp_path):
    kept = load(tmp_path, GOOD.replace("${secret:env:PASSWORD}", "swordfish-1")).resolved
    with pytest.raises(ConfigError) as caught:
        load_pipeline_from(kept, config_file="config.yaml", environ=ENVIRON, registry=registry(), load_prompt=str)
    assert len(caught.value.problems) == 2
    assert caught.value.problems[0] == (
        "the config stored with the job: models.flash.api_key: was in plain text when the job ran, "
        "and so was not stored; use ${secret:env:NAME} and run again"
    )


def test_a_resolver_that_fails_is_named_without_its_message(tmp_path):
    class Resolver:
        def __init__(self, result):
            self.result = result

        def resolve(self, reference, field):
            if isinstance(self.result, Exception):
                raise self.result
            return self.result

    for result, message in [
        (ValueError("hunter2hunter2"), "secret resolver 'core/env' failed with ValueError"),
        (7, "secret resolver 'core/env' broke its contract: it returned int, not text"),
    ]:
        made = registry()
        guard = PluginGuard("secret resolver 'core/env'", "", is_secret=True)
        component = BuiltComponent("core/env", Resolver(result), guard)
        made.resolver = lambda use, folder, component=component: GuardedResolver.of(component)
        secret = load(tmp_path, GOOD, registry=made).models["flash"].component.options.api_key
        with pytest.raises(PluginError) as caught:
            secret.reveal()
        assert str(caught.value) == message
        assert caught.value.__cause__ is None, "a traceback of the cause would show the value"
