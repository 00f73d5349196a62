"""AWS on this machine, over HTTP: ministack, and moto as a second opinion. Both keep all they hold in memory."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["ministack", "moto"]

_PATIENCE = 60.0  # seconds for a server to start; both import for long on a busy machine
_ENDING = 10.0
_STARTS = 3
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "canary-secret-key-of-aws-71d3"}


@dataclass(frozen=True)
class Aws:
    """A running emulator. environ: what a process needs to use it."""

    kind: Kind
    url: str

    @property
    def environ(self) -> dict[str, str]:
        return {**CREDENTIALS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url}

    def client(self, service: str) -> Any:
        """A client of its own, for a test to look with: not one that the plugin uses."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1}),
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def reset(self) -> None:
        """Forget everything."""
        path = "/_ministack/reset" if self.kind == "ministack" else "/moto-api/reset"
        request = urllib.request.Request(f"{self.url}{path}", method="POST", data=b"")
        with urllib.request.urlopen(request, timeout=_PATIENCE):
            pass


@contextmanager
def running(kind: Kind = "ministack") -> Iterator[Aws]:
    """An emulator in a process of its own, on a free port, until the block ends."""
    process, url = _started(kind)
    try:
        yield Aws(kind, url)
    finally:
        _end(process)


def _started(kind: Kind) -> tuple[subprocess.Popen[bytes], str]:
    """The process, which answers at the URL. Another process may take the port before it: another one is tried."""
    for left in reversed(range(_STARTS)):
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        command, environ = _command(kind, port)
        process = subprocess.Popen(
            command,
            env={**_plain_environ(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait(process, f"{url}{'/_ministack/health' if kind == 'ministack' else '/moto-api/data.json'}")
        except BaseException as error:
            _end(process)
            if not left or not isinstance(error, RuntimeError):
                raise
        else:
            return process, url
    raise AssertionError("unreachable")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(kind: Kind, port: int) -> tuple[list[str], Mapping[str, str]]:
    if kind == "moto":
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], {}
    return [sys.executable, "-m", "ministack"], {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}


def _plain_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the emulator ended with {process.returncode} before it answered")
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                json.loads(answer.read())
                return
        except (OSError, ValueError):
            time.sleep(0.05)
    raise RuntimeError("the emulator does not answer")
