"""Names of buckets and tables that nobody else has, and the same each time: what a fault hits depends on them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter

_given: Counter[str] = Counter()


def own_name(kind: str) -> str:
    """A new name for each call, by the test that asks and how often it has asked."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    asking = f"{kind} {test}"
    _given[asking] += 1
    return f"{kind}-{hashlib.sha256(f'{asking} {_given[asking]}'.encode()).hexdigest()[:16]}"
