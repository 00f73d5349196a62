"""A process that asks for answers with a remote journal, and kills itself at a chosen request to the store.

    python -m tests.journal.remote.killed_worker URL DISK KEYS STEP [after]

It kills itself before the request number STEP, from 1, or after it. Each answer that it pays for is a line of the file
`paid` beside the store, each that the journal has acknowledged one of `acknowledged`. STEP 0: it comes to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from querygen_core.journal.remote import segments
from querygen_core.journal.remote.journal import RemoteJournal
from tests.journal.remote.place import FaultyStore, Place, answer

CONCURRENCY = 4
LEASE = 2.0  # seconds; of less a busy machine may lose it


class KilledStore(FaultyStore):
    """A real store, and a process that ends at one of its requests."""

    def __init__(self, place: Place, step: int, *, after: bool) -> None:
        super().__init__(place.store._store)
        self._step = step
        self._after = after
        self._calls = count(1)

    def _call(self, operation: str, url: str, *more: Any) -> Any:
        due = next(self._calls) == self._step
        if due and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = super()._call(operation, url, *more)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def note(file: Path, line: str) -> None:
    """Append in one write, so that lines of killed processes are whole."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


async def ask(journal: RemoteJournal, key: str, folder: Path) -> None:
    stored = await journal.answers(key, key)
    if stored:
        text = stored[0].response.text
    else:
        call = await journal.begin_call(key, 0)
        if not isinstance(call, int):  # left to another process
            return
        note(folder / "paid", key)
        paid = answer(f"{key} {os.getpid()}")
        text = (await journal.record(call, key, 0, paid, usable=True, cost=0.25, product_key=key)).response.text
    note(folder / "acknowledged", text)


async def main(url: str, disk: Path, keys: int, step: int, *, after: bool) -> None:
    segments.MAX_ANSWERS = 16
    place = Place(url, lease=LEASE)
    folder = Path(url.removeprefix("file://")).parent
    place.store = KilledStore(place, step, after=after)
    journal = place.journal(disk)
    await journal.begin({})
    left = iter([f"{number:064x}"[::-1] for number in range(keys)])

    async def worker() -> None:
        for key in left:
            await ask(journal, key, folder)

    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    print((await journal.spent()).calls)
    await journal.finish({"exit_code": 0})
    await journal.aclose()


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(given[0], Path(given[1]), int(given[2]), int(given[3]), after="after" in given))
