"""Secrets in options that are text: not fetched by checking, revealed and validated when a component is built."""

from __future__ import annotations

import json
import logging

import pytest

from querygen_core.config import fingerprint, identity_of_model, load_pipeline_from, revealed
from querygen_core.contracts.errors import ConfigError, CredentialsError
from querygen_core.secrets.masking import mask
from tests.demo_plugin import ENVIRON, GOOD, load, registry

ADDRESS = '"https://me:${secret:env:PASSWORD}@api.example/v1"'
LATE = GOOD.replace("flash-1,", f"flash-1, base_url: {ADDRESS},")


def of_flash(text: str, tmp_path, **environ: str):
    made = registry()
    made._environ = {**ENVIRON, **environ}
    return load(tmp_path, text, registry=made).models["flash"].component


def test_the_component_gets_the_value_and_all_else_the_reference(tmp_path):
    component = of_flash(LATE, tmp_path)
    assert str(component.options.base_url) == ADDRESS.strip('"')
    options = revealed(component)
    assert type(options) is component.registered.component.options
    assert options.base_url == "https://me:hunter2hunter2@api.example/v1"
    assert (options.model, options.temperature) == ("flash-1", 1)
    assert options.api_key is component.options.api_key, "which its provider may reload when it is refused"
    assert ADDRESS in json.dumps(load(tmp_path, LATE).resolved)
    assert identity_of_model(component) == identity_of_model(of_flash(GOOD, tmp_path)), "an address is in no key"
    kept = json.loads(json.dumps(load(tmp_path, LATE).resolved))
    again = load_pipeline_from(kept, config_file="c.yaml", environ=ENVIRON, registry=registry(), load_prompt=str)
    assert revealed(again.models["flash"].component).base_url.startswith("https://me:")


def test_options_without_secrets_are_not_validated_twice(tmp_path):
    component = of_flash(GOOD, tmp_path)
    assert revealed(component) is component.options


def test_a_secret_that_is_not_there_is_found_when_the_component_is_built(tmp_path):
    component = of_flash(LATE, tmp_path, PASSWORD="")
    with pytest.raises(CredentialsError, match="PASSWORD is empty"):
        revealed(component)
    spared = revealed(component, spare=True)
    assert type(spared) is component.registered.component.options
    assert (spared.model, spared.base_url) == ("flash-1", ADDRESS.strip('"'))


def test_a_value_that_does_not_fit_is_not_quoted(tmp_path):
    secret = '"${secret:env:PASSWORD}"'
    for text, message in [
        (GOOD.replace("flash-1,", f"flash-1, base_url: {secret},"), "base_url: the value is not accepted"),
        (GOOD.replace("flash-1,", f"flash-1, base_url: {secret}, temperature: hot,"), None),
    ]:
        if message is None:
            with pytest.raises(ConfigError, match="temperature: should be a number"):
                load(tmp_path, text)
            continue
        with pytest.raises(ConfigError) as caught:
            revealed(of_flash(text, tmp_path, PASSWORD="swordfish-22"))
        assert caught.value.problems == (f"models.flash.{message}, with the secret that the config names",)
        assert "swordfish" not in repr(caught.value.__cause__)
        assert caught.value.__context__ is None, "a traceback would show the value"


def test_a_bucket_may_be_a_secret_and_is_part_of_a_key_by_its_name(tmp_path):
    text = GOOD.replace("demo/filter", 'demo/filter\n    label: "${secret:env:PASSWORD}"')
    assert fingerprint(load(tmp_path, text).postprocessors[0])["options"]["label"] == "${secret:env:PASSWORD}"


def test_a_password_in_plain_text_is_warned_about_and_masked_alone(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="querygen.config"):
        component = of_flash(
            LATE.replace(ADDRESS, ADDRESS.replace("${secret:env:PASSWORD}", "sw%20rdfish-3")), tmp_path
        )
    (warned,) = caplog.records
    assert "models.flash.base_url: this secret is in plain text; use ${secret:env:NAME}" in warned.getMessage()
    assert component.options.base_url.startswith("https://me:sw%20rdfish-3@")
    assert mask("sw%20rdfish-3, sw rdfish-3") == "***, ***"
