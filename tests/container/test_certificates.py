"""What an image trusts: certificates of the system, of files, and of a download only if its hash is the given one."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
AUTHORITY = Path(__file__).with_name("authority.pem").read_text("ascii")
HASH = hashlib.sha256(AUTHORITY.encode()).hexdigest()
NOWHERE = "http://127.0.0.1:9/nobody-is-here"


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(AUTHORITY.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def url():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/bundle.pem"
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path) -> Path:
    """One that holds the program alone, as in a build without files."""
    made = tmp_path / "certificates"
    made.mkdir()
    (made / "certificates.py").write_text("no certificate")
    return made


def certificates(folder: Path, url: str = NOWHERE, expected: str = "") -> subprocess.CompletedProcess[str]:
    store = folder.with_name("store.crt")
    store.write_text(f"# Of the system\n{AUTHORITY.rstrip()}")  # without a line feed at its end
    command = [sys.executable, "-I", "-S", ROOT / ".ci" / "certificates.py", store, folder, url, expected]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_by_itself_it_is_what_the_system_trusts(folder):
    done = certificates(folder)
    assert (done.returncode, done.stdout) == (0, AUTHORITY), done.stderr


@pytest.mark.parametrize("expected", [HASH, HASH.upper()])
def test_the_right_download_is_added(url, expected, folder):
    done = certificates(folder, url, expected)
    assert (done.returncode, done.stdout) == (0, AUTHORITY * 2), done.stderr


def test_another_one_is_not(url, folder):
    done = certificates(folder, url, "0" * 64)
    assert done.returncode == 1
    assert HASH in done.stderr


def test_of_files_only_certificates_are_taken(folder):
    key = f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n-----END PRIVATE KEY-----\n"
    (folder / "ours.pem").write_bytes(f"Ours\n{key}{AUTHORITY}".replace("\n", "\r\n").encode())
    done = certificates(folder)
    assert (done.returncode, done.stdout) == (0, AUTHORITY * 2), done.stderr


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"\x30\x82", AUTHORITY.replace("MII", "XII").encode(), AUTHORITY[:300].encode()]
)
def test_a_file_without_certificates_is_refused(content, folder):
    (folder / "ours.pem").write_bytes(content)
    done = certificates(folder)
    assert done.returncode == 1
    assert "ours.pem holds no certificates in PEM format" in done.stderr
    assert "Traceback" not in done.stderr
