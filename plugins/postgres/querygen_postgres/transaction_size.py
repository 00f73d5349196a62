"""How many products a transaction may have, on a server that takes longer for them than `statement_timeout`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from querygen_core.api import Receipt, SinkError
from querygen_postgres.failures import TooSlow
from querygen_postgres.records import ProductRows

_UNLIMITED = 1_000_000
_MOST_IN_A_ROW = 3
"""Products that take too long by themselves. One may be to blame itself; after so many the server is."""

Write = Callable[[Sequence[ProductRows]], dict[str, Receipt]]


class TransactionSize:
    """Half as many after each transaction that took too long, until the sink is closed."""

    def __init__(self, statement_timeout: int, log: logging.Logger) -> None:
        self.products = _UNLIMITED
        self._timeout = statement_timeout
        self._log = log
        self._too_slow = 0

    def write(self, batch: Sequence[ProductRows], write: Write) -> dict[str, Receipt]:
        """What `write` returns for the batch.

        Raises:
            TooSlow: a statement was cancelled; for a single product twice, since the first time somebody else may have
                cancelled it. SinkError: several single products in a row took too long.
        """
        try:
            receipts = self._once_or_twice(batch, write)
        except TooSlow as error:
            if len(batch) > 1:
                self._shrink(len(batch))
                raise
            self._too_slow += 1
            if self._too_slow < _MOST_IN_A_ROW:
                raise
            problem = f"{self._too_slow} products in a row took longer than statement_timeout ({self._timeout} s)"
            raise SinkError("permanent", f"{error}: {problem}, each by itself: raise it") from None
        self._too_slow = 0
        return receipts

    @staticmethod
    def _once_or_twice(batch: Sequence[ProductRows], write: Write) -> dict[str, Receipt]:
        try:
            return write(batch)
        except TooSlow:
            if len(batch) > 1:
                raise
        return write(batch)

    def _shrink(self, products: int) -> None:
        self.products = products // 2
        self._log.warning(
            "a transaction of %d products took longer than statement_timeout (%d s): now at most %d",
            products,
            self._timeout,
            self.products,
        )
