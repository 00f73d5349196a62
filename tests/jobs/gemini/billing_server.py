"""A model server whose answers are of any length, and which says of their tokens what it is told to."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_OUTPUT = 2000
"""`max_output_tokens` of its jobs, which it keeps to."""


class BillingServer(ThreadingHTTPServer):
    """tells: the parts of the usage that it reports. seconds: of an answer at most; they and its length vary by request
    and `seed`.
    """

    daemon_threads = True

    def __init__(self, tells: tuple[str, ...], seconds: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tells, self.seconds, self.seed = tells, seconds, seed
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.requests = self.input = self.output = 0

    def cost(self, prices: dict[str, float]) -> float:
        """USD of all requests that came."""
        return (self.input * prices["input"] + self.output * prices["output"]) / 1e6

    def handle_error(self, *_: Any) -> None:
        """A client that is killed hangs up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BillingServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        draw = random.Random(hashlib.sha256(body + bytes([self.server.seed])).digest())
        questions = [
            {"text": f"Does part {number} of lot {draw.randrange(10**9)} fit a kitchen?", "sub_type": "usage"}
            for number in range(draw.randint(4, 60))
        ]
        text = json.dumps({"questions": questions})
        sent = len(json.loads(body)["contents"][0]["parts"][0]["text"]) // 4
        output = min(MAX_OUTPUT, len(text) // 4)
        thoughts = draw.randint(0, MAX_OUTPUT - output)
        with self.server.lock:
            self.server.requests += 1
            self.server.input += sent
            self.server.output += output + thoughts
        time.sleep(draw.uniform(0, self.server.seconds))
        usage = {"promptTokenCount": sent, "candidatesTokenCount": output, "thoughtsTokenCount": thoughts}
        answer = {
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}],
            "usageMetadata": {name: usage[name] for name in self.server.tells},
        }
        made = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)

    def log_message(self, *_: Any) -> None:
        """Nothing: requests are counted."""


WHOLE = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")


@contextmanager
def billing(tells: tuple[str, ...] = WHOLE, *, seconds: float = 0.02, seed: int = 0) -> Iterator[BillingServer]:
    server = BillingServer(tells, seconds, seed)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
