from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from querygen_core.api import Outcome, Receipt, SinkError

from querygen_yourname import FolderOptions


class Folder:
    def __init__(self, options: FolderOptions) -> None:
        self._folder = Path(options.path).absolute()

    @property
    def identity(self) -> str:
        return str(self._folder)

    async def check(self) -> None:
        """Before anything is paid for: the folder is there, and a file can be written to it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self._folder):
                return
        except OSError as exc:
            raise SinkError(
                "permanent", f"cannot write to {self._folder}: {exc.strerror}"
            ) from None

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        """In a thread, because the event loop must not wait for a disk."""
        try:
            return await asyncio.to_thread(
                lambda: [self._store(outcome) for outcome in outcomes]
            )
        except OSError as exc:
            raise SinkError(
                "permanent", f"cannot write to {self._folder}: {exc.strerror}"
            ) from None

    async def aclose(self) -> None:
        """Nothing is open between two calls."""

    def _store(self, outcome: Outcome) -> Receipt:
        # A product key may hold any character, and be longer than a file name.
        file = self._folder / f"{sha256(outcome.product_key.encode()).hexdigest()}.json"
        before, after = (
            _stored(file),
            Counter((query.query_type, query.text) for query in outcome.queries),
        )
        if before != after or not file.exists():
            queries = [
                {"query_type": query.query_type, "query_text": query.text}
                for query in outcome.queries
            ]
            _replace(
                file,
                json.dumps({"product_key": outcome.product_key, "queries": queries}),
            )
        return Receipt(
            product_key=outcome.product_key,
            delivered=(after - before).total(),
            unchanged=(after & before).total(),
            retired=(before - after).total(),
        )


def _stored(file: Path) -> Counter[tuple[str, str]]:
    """What the file holds, read from the file: only it knows what an earlier run got done before it was killed."""
    if not file.exists():
        return Counter()
    queries = json.loads(file.read_text("utf-8"))["queries"]
    return Counter((query["query_type"], query["query_text"]) for query in queries)


def _replace(file: Path, text: str) -> None:
    """Whoever reads sees the old content or the new, never a part, whenever this process is killed."""
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=file.parent, suffix=".tmp", delete=False
    ) as draft:
        draft.write(text)
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(file)
