"""Who asked for what, how often, and what came of it: the stand-in's own books, which tests believe."""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

_REMEMBERED = 200_000
"""Lines of the log that are kept in memory."""


class Account:
    """What is known of one request, however often it came.

    attempts: all. tries: those that no limit turned away. paid: answers with status 200 that were sent whole.
    undelivered: answers that were made but whose client was gone. spoiled: answers that a fault kept from arriving.
    """

    __slots__ = ("attempts", "first", "last", "paid", "spoiled", "statuses", "tries", "undelivered")

    def __init__(self, now: float) -> None:
        self.attempts = self.tries = self.paid = self.undelivered = self.spoiled = 0
        self.statuses: dict[int, int] = {}
        self.first = self.last = now

    def told(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class Accounts:
    def __init__(self, log: str = "") -> None:
        self._file = os.open(Path(log), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if log else None
        self.at_once = 0
        self.reset()

    def reset(self) -> None:
        """Forget all but what is in the file and what is being worked on."""
        self.by_key: dict[str, Account] = {}
        self.log: deque[tuple[int, float, str, int, int, str, str, str]] = deque(maxlen=_REMEMBERED)
        self.lines = self.requests = self.paid = self.undelivered = self.spoiled = 0
        self.most_at_once = self.at_once
        self.prompt_tokens = self.output_tokens = self.thought_tokens = 0
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.others: Counter[str] = Counter()
        self.first = self.last = 0.0

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def arrived(self, now: float) -> int:
        """Its number, from 1."""
        self.requests += 1
        if not self.first:
            self.first = now
        self.last = now
        return self.requests

    def of(self, key: str, now: float) -> Account:
        account = self.by_key.get(key)
        if account is None:
            account = self.by_key[key] = Account(now)
        account.attempts += 1
        account.last = now
        return account

    def began(self) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)

    def note(self, key: str, attempt: int, status: int, fault: str, outcome: str, finish: str = "") -> None:
        """outcome: `paid`, `undelivered`, `spoiled` or `refused`."""
        self.lines += 1
        self.log.append((self.lines, time.time(), key, attempt, status, fault, outcome, finish))
        if fault:
            self.faults[fault] += 1
        if status:
            self.statuses[status] += 1
        account = self.by_key.get(key)
        if account is not None and status:
            account.statuses[status] = account.statuses.get(status, 0) + 1
        if outcome == "refused":
            return
        setattr(self, outcome, getattr(self, outcome) + 1)
        if account is not None:
            setattr(account, outcome, getattr(account, outcome) + 1)
        if outcome == "paid" and self._file is not None:
            os.write(self._file, f"{key} {attempt} {finish}\n".encode())

    def spent(self, prompt: int, output: int, thoughts: int) -> None:
        self.prompt_tokens += prompt
        self.output_tokens += output
        self.thought_tokens += thoughts

    def stats(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "keys": len(self.by_key),
            "paid": self.paid,
            "paid_again": sum(account.paid - 1 for account in self.by_key.values() if account.paid > 1),
            "undelivered": self.undelivered,
            "spoiled": self.spoiled,
            "by_status": {str(status): count for status, count in sorted(self.statuses.items())},
            "by_fault": dict(sorted(self.faults.items())),
            "other": dict(sorted(self.others.items())),
            "at_once": self.at_once,
            "most_at_once": self.most_at_once,
            "tokens": {"prompt": self.prompt_tokens, "output": self.output_tokens, "thoughts": self.thought_tokens},
            "first": self.first,
            "last": self.last,
            "cpu": time.process_time(),
        }

    def lines_after(self, number: int) -> list[dict[str, Any]]:
        names = ("n", "time", "key", "attempt", "status", "fault", "outcome", "finish")
        return [dict(zip(names, line, strict=True)) for line in self.log if line[0] > number]
