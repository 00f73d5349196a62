from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.process import install, querygen


def test_every_plugin_is_listed_with_its_components(here):
    listed = {(row["use"], row["kind"]) for row in here("plugins", "list", "--json").json}
    assert listed >= {
        ("lab/model", "provider"),
        ("lab/shelf", "input"),
        ("core/prompt", "generator"),
        ("core/file", "storage"),
        ("offline/model", "provider"),
        ("files/jsonl", "sink"),
        ("text/quality", "postprocessor"),
    }
    assert "lab/model                provider        Says what it is told to say." in here("plugins", "list").out


def test_a_plugin_and_a_component_are_explained(here):
    whole, part = here("plugins", "info", "lab").out, here("plugins", "info", "lab/table").out
    assert whole.startswith("lab: querygen-lab 1.0\n")
    assert "lab/shelf  (input)" in whole
    assert "  In a config:  sinks: [{use: lab/table, path: …}]\n" in part
    assert re.search(r"\n    path +text; required\n +A file of JSON\.\n", part)
    assert re.search(r"\n    required  true or false; default true\n", part)
    assert "lab/shelf" not in part


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("core/prompt", "generators: [{name: …, use: core/prompt, prompt: …, model: …}]"),
        ("core/env", "KEY: ${secret:env:NAME}, for an option that takes a secret"),
        ("core/file", "file://… wherever a URL is accepted"),
        ("offline/model", "models: {NAME: {use: offline/model}}"),
        ("files/catalogue", "input: {use: files/catalogue, path: …}"),
        ("aws/secretsmanager", "KEY: ${secret:aws/secretsmanager:NAME}, for an option that takes a secret"),
        ("aws/batch", "submit: {use: aws/batch, bucket: …}"),
        ("text/dedup", "postprocessors: [{use: text/dedup}]"),
    ],
)
def test_a_component_is_described_with_its_place_in_a_config(here, name: str, usage: str):
    assert f"  In a config:  {usage}\n" in here("plugins", "info", name).out


@pytest.mark.parametrize("name", ["offlin", "offlin/model", "nothing/at-all"])
def test_a_plugin_that_is_not_there_is_78_with_what_was_meant(here, name: str):
    ended = here("plugins", "info", name)
    assert ended.code == 78
    assert "not installed" in ended.err


def test_a_provider_of_one_file_is_a_plugin(tmp_path: Path, job):
    """As the README has it: at most sixty lines, and it runs."""
    path = install(tmp_path / "site", "parrot", PARROT)
    assert len(PARROT.splitlines()) <= 60
    sinks = [{"use": "files/jsonl", "path": "out.jsonl"}]
    job(models={"m": {"use": "parrot/model"}}, input={"use": "files/auto"}, sinks=sinks)
    words = ["run", "job.yaml", "--json", "--product", '{"id": "K1", "title": "A kettle"}']
    ended = querygen(*words, cwd=tmp_path, path=[path])
    assert (ended.code, ended.json["done"]) == (0, 1), ended.err


PARROT = """\
from querygen_core.api import Capabilities, Component, Options, Response, hookimpl

querygen_api = 1


class Parrot:
    capabilities = Capabilities(free=True)
    limit_key = "parrot"

    async def complete(self, request):
        questions = ", ".join(f'{{"text": "Is it good in way {number}?"}}' for number in range(3))
        return Response(text=f'{{"questions": [{questions}]}}')

    async def aclose(self):
        pass


@hookimpl
def querygen_providers():
    return [Component("model", Options, lambda options, context: Parrot(), "Says the same to everybody.")]
"""
