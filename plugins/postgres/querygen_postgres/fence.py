"""Leases, as numbers that only grow: a process whose job has been taken over by another one changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from querygen_core.api import Context, SinkError, partition_of
from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor

# In the order of partitions, here and below, so that processes cannot wait for each other in a circle.
_REGISTER = """
INSERT INTO {fence} (job_id, partition, fence)
SELECT %(job)s, w.partition, %(fence)s FROM unnest(%(partitions)s::int[]) AS w(partition) ORDER BY w.partition
ON CONFLICT (job_id, partition) DO UPDATE SET fence = excluded.fence WHERE fence.fence < excluded.fence
"""
_HIGHEST = "SELECT max(fence) FROM {fence} WHERE job_id = %(job)s AND partition = ANY(%(partitions)s::int[])"
_HOLD = """
SELECT fence FROM {fence} WHERE job_id = %(job)s AND partition = ANY(%(partitions)s::int[])
ORDER BY partition FOR SHARE
"""


class Fence:
    """Compares `Context.fence` with the highest one that the job has had; does nothing if it is None.

    A higher lease is registered by changing the rows that a writing transaction holds with FOR SHARE. So it waits until
    that transaction has ended, and any later one sees it.
    """

    def __init__(self, names: TableNames, context: Context) -> None:
        self._names = names
        self._job_id = context.job_id
        self._fence = context.fence
        self._shard = context.shard

    def register(self, cursor: Cursor) -> None:
        """Make this process the one that may deliver. Every process does so before it reads what is stored.

        Raises:
            SinkError: `fenced`, another process has taken over.
        """
        self._register(cursor, self._shard.partitions)

    def hold(self, cursor: Cursor, product_keys: Iterable[str]) -> None:
        """Keep others from taking over until this transaction ends. Every writing transaction does so.

        Raises:
            SinkError: `fenced`, another process has taken over.
        """
        if self._fence is None:
            return
        partitions = sorted({partition_of(key, self._shard.partition_count) for key in product_keys})
        values = {"job": self._job_id, "partitions": partitions}
        held = [fence for (fence,) in cursor.execute(self._names.sql(_HOLD), values)]
        if held != [self._fence] * len(partitions):
            self._register(cursor, partitions)  # higher ones are there, or the rows have been deleted

    def _register(self, cursor: Cursor, partitions: Sequence[int]) -> None:
        if self._fence is None:
            return
        values = {"job": self._job_id, "fence": self._fence, "partitions": list(partitions)}
        cursor.execute(self._names.sql(_REGISTER), values)
        row = cursor.execute(self._names.sql(_HIGHEST), values).fetchone()
        if row and row[0] > self._fence:
            problem = f"another process has taken over job {self._job_id!r} (lease {row[0]}, this one {self._fence})"
            raise SinkError("fenced", problem)
