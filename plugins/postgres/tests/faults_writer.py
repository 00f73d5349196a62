"""Processes that deliver outcomes on order and report the result.

Run as a program, this module is the process that they are forked from: a fork takes a tenth of the time that a new
Python takes.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from faults_world import deliver, outcomes, sink_to
from querygen_core.api import Outcome

FOLDER = Path(__file__).parent
PATIENCE = 120.0


class Writer:
    """A process of its own, until it is killed."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.process_id: int = self.hear()

    def tell(self, **order: Any) -> None:
        """products, versions (one of them is drawn for each product), seed, size; changes, turns; identity and rows, if
        a preprocessor has found the products.
        """
        self._pipe.send(order)

    def hear(self) -> Any:
        assert self._pipe.poll(PATIENCE), "it hangs"
        return self._pipe.recv()

    def kill(self) -> None:
        if self._pipe.closed:
            return
        os.kill(self.process_id, signal.SIGKILL)
        try:
            while True:
                self.hear()
        except (EOFError, ConnectionResetError):
            self._pipe.close()


class Forks:
    def __init__(self, listener: Listener, pipe: Connection) -> None:
        self._listener = listener
        self._pipe = pipe

    @contextmanager
    def writers(self, dsn: str, folder: Path, jobs: Sequence[str], **options: Any) -> Iterator[list[Writer]]:
        """A process for each of the jobs, ready and connected; killed in the end."""
        with ExitStack() as stack:
            started = []
            for job in jobs:
                self._pipe.send((dsn, folder, {**options, "job": job}))
                started.append(Writer(self._listener.accept()))
                stack.callback(started[-1].kill)
            for writer in started:
                assert writer.hear() == "ready"
            yield started


@contextmanager
def forking() -> Iterator[Forks]:
    with tempfile.TemporaryDirectory() as folder, Listener(f"{folder}/s", "AF_UNIX", backlog=100) as listener:
        command = [sys.executable, "-m", "faults_writer", f"{folder}/s"]
        with subprocess.Popen(command, cwd=FOLDER) as process, listener.accept() as pipe:
            try:
                yield Forks(listener, pipe)
            finally:
                pipe.close()
                process.wait(PATIENCE)


def drawn(order: dict[str, Any]) -> list[Outcome]:
    """The outcomes of an order, shuffled by its seed."""
    chance = random.Random(order["seed"])
    kinds = [outcomes(order["products"], version, changes=order.get("changes", False)) for version in order["versions"]]
    made = [chance.choice(same) for same in zip(*kinds, strict=True)]
    chance.shuffle(made)
    return (
        [replace(one, refs={order["identity"]: order["rows"][one.identity[1]]}) for one in made]
        if "rows" in order
        else made
    )


def _work(pipe: Connection, dsn: str, folder: Path, options: dict[str, Any]) -> None:
    sink = sink_to(dsn, folder, **options)
    asyncio.run(sink.apply([]))
    pipe.send("ready")
    while True:
        order = pipe.recv()
        for turn in range(order.get("turns", 1)):
            done = deliver(sink, drawn({**order, "seed": order["seed"] + turn}), size=order["size"])
            pipe.send({"counts": done.counts, "failures": [str(error) for error in done.failures]})


def main(address: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with Client(address, "AF_UNIX") as source:
        while True:
            try:
                dsn, folder, options = source.recv()
            except EOFError:
                return
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                source.close()
                with Client(address, "AF_UNIX") as pipe:
                    pipe.send(os.getpid())
                    _work(pipe, dsn, folder, options)


if __name__ == "__main__":
    main(sys.argv[1])
