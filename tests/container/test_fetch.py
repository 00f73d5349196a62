"""A downloaded file gets into the image only if its hash is the given one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
BUNDLE = b"-----BEGIN CERTIFICATE-----\n"
HASH = hashlib.sha256(BUNDLE).hexdigest()


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(BUNDLE)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/bundle.pem"
        server.shutdown()
        thread.join()


def fetch(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / ".ci" / "fetch.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("expected", [HASH, HASH.upper()])
def test_the_right_file_is_kept(url, expected):
    assert fetch(url, expected, "bundle.pem").returncode == 0
    assert Path("bundle.pem").read_bytes() == BUNDLE


def test_another_file_is_not(url):
    done = fetch(url, "0" * 64, "bundle.pem")
    assert done.returncode == 1
    assert HASH in done.stderr
    assert not Path("bundle.pem").exists()


def test_without_a_hash_nothing_is_asked_for():
    assert fetch("http://127.0.0.1:9/nobody-is-here", "", "bundle.pem").returncode == 0
    assert not Path("bundle.pem").exists()
