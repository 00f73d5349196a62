"""`aws/orchestration-log`: what happened, as items of a DynamoDB table, each written once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.attributes import attribute, storable, within
from querygen_aws.clients import client
from querygen_aws.events import events_of, moment
from querygen_aws.failures import kind_of, said
from querygen_aws.observer_options import OrchestrationLogOptions
from querygen_core.api import Fact, SinkError

Item = dict[str, dict[str, Any]]

_BATCH = 25  # DynamoDB's limit of one request
_LARGEST = 300_000  # bytes of details; an item may have 400 KB, and DynamoDB counts a little differently
_DAY = 86_400
_PATIENCE = 8  # answers in a row that took no item


class OrchestrationLog:
    """An item follows from its fact alone, its key too: told again, a fact writes the same items anew, and a retry
    whose first try had been done after all changes nothing. So requests need no condition, and 25 items can share one.
    """

    def __init__(
        self, options: OrchestrationLogOptions, environ: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._table = options.table
        self._seconds = None if options.ttl_days is None else int(options.ttl_days * _DAY)
        self._client = client("dynamodb", environ, options.region)
        self._sleep = sleep
        self.identity = f"dynamodb/{self._client.meta.region_name}/{self._table}"

    async def check(self) -> None:
        """Ask the table for what is not in it: so it is there, has the key that is needed, and may be used.

        Raises:
            SinkError
        """
        try:
            await asyncio.to_thread(
                self._client.query, TableName=self._table, KeyConditionExpression="pk = :pk AND sk > :sk", Limit=1,
                ExpressionAttributeValues={":pk": {"S": "querygen#check"}, ":sk": {"S": "-"}},
            )  # fmt: skip
        except (ClientError, BotoCoreError) as error:
            raise self._failure(error) from None

    def on_fact(self, fact: Fact) -> None:
        self.on_facts([fact])

    def on_facts(self, facts: Sequence[Fact]) -> int:
        """As many as fill one request."""
        items: dict[tuple[str, str], Item] = {}
        taken = 0
        for fact in facts:
            new = {(item["pk"]["S"], item["sk"]["S"]): item for item in self._items(fact)}
            if taken and len(items | new) > _BATCH:
                break
            items |= new
            taken += 1
        every = list(items.values())
        for start in range(0, len(every), _BATCH):
            self._store(every[start : start + _BATCH])
        return taken

    def _items(self, fact: Fact) -> Iterator[Item]:
        """sk: events of a job in the order of time, those of one moment in the order of shard, attempt and fact."""
        job, when = storable(fact.job_id) or "-", storable(fact.time)
        expires = self._expires(fact)
        for number, (name, details) in enumerate(events_of(fact)):
            event = f"{when}#{fact.shard:03}-{fact.attempt:04}-{fact.seq:010}-{number:03}"
            yield {
                "pk": {"S": job},
                "sk": {"S": event},
                "job_id": {"S": job},
                "eventName": {"S": name},
                "details": attribute(within(details, _LARGEST)),
                "event_timestamp_id": {"S": event},
                **({} if expires is None else {"expires_at": {"N": str(expires)}}),
            }

    def _expires(self, fact: Fact) -> int | None:
        when = moment(fact)
        return None if self._seconds is None or when is None else int(when) + self._seconds

    def _store(self, items: Sequence[Item]) -> None:
        """All of them. One that DynamoDB does not take, whatever the reason, must not keep the others out for ever."""
        try:
            self._write(items)
        except ClientError as error:
            if kind_of(error) != "permanent":
                raise self._failure(error) from None
            for item in items:
                self._store_alone(item)
        except BotoCoreError as error:
            raise self._failure(error) from None

    def _store_alone(self, item: Item) -> None:
        try:
            self._write([item])
        except ClientError as error:
            reason = said(error)
        except BotoCoreError as error:
            raise self._failure(error) from None
        else:
            return
        note = {"cut": f"DynamoDB refused the details: {reason}"}
        try:
            self._write([{**item, "details": attribute(note)}])
        except (ClientError, BotoCoreError) as error:
            raise self._failure(error) from None

    def _write(self, items: Sequence[Item]) -> None:
        left: dict[str, Any] = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        refused = 0
        while left:
            before = sum(map(len, left.values()))
            left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems", {})
            refused = refused + 1 if sum(map(len, left.values())) == before else 0
            if refused == _PATIENCE:
                raise SinkError("retry", f"table {self._table}: DynamoDB takes no more items for now")
            if left:
                self._sleep(0.05 * 2**refused)

    def _failure(self, error: Exception) -> SinkError:
        kind = kind_of(error)
        message = f"table {self._table}: {said(error)}"
        return SinkError("auth" if kind == "denied" else "retry" if kind == "retry" else "permanent", message)
