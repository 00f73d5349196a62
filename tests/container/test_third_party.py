"""An image with a plugin from outside the repository and with an authority of its own, as README.md says."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import querygen
from tests.container.box import boxed
from tests.container.checks import inventory, stale_bytecode, writable
from tests.container.images import ROOT
from tests.container.test_image import STATE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "shop-words"
DEPENDENCY = "iniconfig"  # a package that requirements.lock has, and no plugin of ours needs
AUTHORITY = Path(__file__).with_name("authority.pem")

CONFIG = {
    "input": {"use": "files/catalogue", "path": "configs/sample_catalogue.jsonl"},
    "models": {"writer": {"use": "offline/model"}},
    "generators": [{"name": "product", "prompt": "product", "model": "writer", "count": 5}],
    "postprocessors": [{"use": f"{NAME}/length", "max_words": 9}],
    "sinks": [{"use": "files/jsonl", "path": "output/questions.jsonl"}],
}


def requirement(name: str) -> str:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    return re.search(rf"^{name}==.*\n(?:    --hash=.*\n)+", lock, re.MULTILINE)[
        0
    ]  # its last line ends with no backslash


@pytest.fixture(scope="module")
def prepared(context, tmp_path_factory) -> Path:
    """A build context with a plugin's wheel, what it requires, a config that uses it, and an authority."""
    folder = tmp_path_factory.mktemp("third-party")
    assert querygen("plugins", "new", NAME, "--kind", "postprocessor", "--folder", "plugin", cwd=folder).code == 0
    project = folder / "plugin" / "pyproject.toml"
    text = project.read_text("utf-8")
    project.write_text(text.replace('["querygen>=0.1,<1"]', f'["querygen>=0.1,<1", "{DEPENDENCY}>=2"]'))
    changed = Path(shutil.copytree(context, folder / "context"))
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", changed / "wheels"]
    subprocess.run(build, cwd=folder / "plugin", check=True, capture_output=True)
    (changed / "wheels" / "requirements.txt").write_text(requirement(DEPENDENCY))
    (changed / "certificates").mkdir()
    shutil.copy2(AUTHORITY, changed / "certificates")
    (changed / "configs" / "mine.yaml").write_text(json.dumps(CONFIG))
    return changed


@pytest.fixture(scope="module")
def image(make, prepared):
    return make(prepared, "third-party", CONFIG="configs/mine.yaml", PLUGINS="wheels", CERTIFICATES="certificates")


def test_the_plugin_is_there_with_what_it_needs_and_runs_with_a_read_only_root(image, tmp_path):
    found = inventory(image, tmp_path)
    assert {f"querygen-{NAME}", DEPENDENCY, "querygen-offline"} <= {*found["distributions"]}
    assert (found["programs"], stale_bytecode(found), writable(image, tmp_path)) == ([], [], [])
    assert image.config["User"] == "10001:10001"
    with boxed(image, tmp_path) as box:
        ended = box.run("run", "configs/mine.yaml", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["queries"]["dropped"]["length/too_long"] > 0, "the plugin did nothing"
    lines = (tmp_path / STATE / "questions.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == ended.json["queries"]["kept"] > 0
    assert all(len(json.loads(line)["query_text"].split()) <= 9 for line in lines)


def test_it_trusts_the_authority_and_those_of_the_system(image, tmp_path):
    subject = ssl.PEM_cert_to_DER_cert(AUTHORITY.read_text("utf-8"))
    trusted = "import ssl; print(*(one.hex() for one in ssl.create_default_context().get_ca_certs(True)))"
    with boxed(image, tmp_path) as box:
        found = box.run("-c", trusted, program=["python"]).out.split()
    assert found.count(subject.hex()) == 1
    assert len(found) > 50
