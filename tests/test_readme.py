"""The README is run, not believed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.readme import README, READMES, files, generate

ROOT = README.parent
TEXT = README.read_text("utf-8")


class Questions(BaseHTTPRequestHandler):
    """Speaks the example's small protocol and answers with questions."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        texts = [f"How does the Acme Kettle do with task number {number} at home?" for number in range(3)]
        self.send_response(200)
        self.end_headers()
        answer = json.dumps({"questions": [{"text": text} for text in texts]})
        self.wfile.write(json.dumps({"text": answer}).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Questions) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The example as a reader would have it, installed in the way an editable install does it."""
    folder = tmp_path / "echo"
    folder.mkdir()
    for name, text in files(TEXT).items():
        (folder / name).write_text(text, encoding="utf-8")
    info = folder / "querygen_echo-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: querygen-echo\nVersion: 0.1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[querygen]\necho = querygen_echo\n", encoding="utf-8")
    return folder


def run(*words: str, folder: Path, plugin: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **({"PYTHONPATH": str(plugin)} if plugin else {})}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_generated_parts_are_current(path):
    text = path.read_text("utf-8")
    assert generate(text) == text, "run: uv run python -m tests.readme"


def test_the_example_is_one_file_of_at_most_sixty_lines():
    assert len(files(TEXT)["querygen_echo.py"].splitlines()) <= 60
    assert set(files(TEXT)) == {"querygen_echo.py", "pyproject.toml", "test_echo.py"}


@pytest.mark.slow
def test_the_example_passes_its_contract(plugin: Path):
    done = run("pytest", "-q", "-p", "no:cacheprovider", "test_echo.py", folder=plugin, plugin=plugin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_example_runs_when_a_config_names_it(plugin: Path, server: str, tmp_path: Path):
    (tmp_path / "p.jsonl").write_text('{"id": "1", "title": "Acme Kettle", "brand": "Acme"}\n', encoding="utf-8")
    config = {
        "input": {"use": "files/catalogue", "path": "p.jsonl"},
        "models": {"writer": {"use": "echo/model", "url": server}},
        "generators": [{"name": "product", "prompt": "product", "model": "writer", "count": 3}],
        "sinks": [{"use": "files/jsonl", "path": "out.jsonl"}],
    }
    (tmp_path / "c.yaml").write_text(json.dumps(config), encoding="utf-8")
    done = run("querygen_core", "run", "c.yaml", "--json", folder=tmp_path, plugin=plugin)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["calls"]["new"] == 1
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 3


def test_every_querygen_command_in_the_page_is_understood():
    from querygen_core.cli.parser import build_parser

    shell = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    commands = re.findall(r"(?:^|&& \.uv/bin/uv run )querygen ([^#\n]+)", shell, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        build_parser().parse_args(command.split())


def test_every_path_in_the_page_is_there():
    for path in re.findall(r"`((?:configs|prompts|plugins|tests|querygen_core)/[\w./-]*)`", TEXT):
        assert (ROOT / path).exists(), path


def test_every_plugin_has_a_readme_of_its_own():
    for plugin in sorted((ROOT / "plugins").iterdir()):
        if plugin.is_dir() and (plugin / "pyproject.toml").exists():
            assert len((plugin / "README.md").read_text("utf-8")) > 500, plugin.name
