"""`aws/orchestration-log`: the events of a job as items of a DynamoDB table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.attributes import sanitise, to_attribute, truncate
from querygen_aws.clients import client
from querygen_aws.errors import describe_error, kind_of, table_error
from querygen_aws.events import log_entries, unix_time
from querygen_aws.options import OrchestrationLogOptions
from querygen_core.api import Event, SinkError

Item = dict[str, dict[str, Any]]

_MAX_BATCH = 25  # items; DynamoDB's limit per request
_MAX_DETAILS = 300_000  # bytes of JSON; an item may have 400 KB, which DynamoDB counts a little differently
_SECONDS_PER_DAY = 86_400
_MAX_FRUITLESS = 8  # requests in a row of which DynamoDB stored no item
_PAUSE = 0.05  # seconds, doubled after each of them


class OrchestrationLog:
    """Every item, its key included, is derived from its event alone, so writing an event twice changes nothing.

    That is why requests need no condition, and 25 items can share one `BatchWriteItem`, which knows no conditions.
    """

    def __init__(
        self, options: OrchestrationLogOptions, environ: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._table = options.table
        self._ttl_seconds = None if options.ttl_days is None else int(options.ttl_days * _SECONDS_PER_DAY)
        self._client = client("dynamodb", environ, options.region)
        self._sleep = sleep
        self.identity = f"dynamodb/{self._client.meta.region_name}/{self._table}"

    async def check(self) -> None:
        """Delete an item that does not exist, by the request that also writes. This changes nothing, and fails unless
        the table exists, has our key and may be written.

        Raises:
            SinkError: the table cannot be used.
        """
        item = {"DeleteRequest": {"Key": {"pk": {"S": "querygen#check"}, "sk": {"S": "-"}}}}
        try:
            await asyncio.to_thread(self._client.batch_write_item, RequestItems={self._table: [item]})
        except (ClientError, BotoCoreError) as error:
            raise table_error(self._table, error) from None

    def on_event(self, event: Event) -> None:
        self.on_events([event])

    def on_events(self, events: Sequence[Event]) -> int:
        """Write as many of `events` as fit into one request, at least one; return how many."""
        items: dict[tuple[str, str], Item] = {}
        taken = 0
        for event in events:
            added = {(item["pk"]["S"], item["sk"]["S"]): item for item in self._items(event)}
            # An event is written by this call with all its items, or left to the next call.
            if taken and len(items | added) > _MAX_BATCH:
                break
            items |= added
            taken += 1
        unsent = list(items.values())
        for start in range(0, len(unsent), _MAX_BATCH):
            self._store(unsent[start : start + _MAX_BATCH])
        return taken

    def _items(self, event: Event) -> Iterator[Item]:
        """Yield the items of `event`. Their `sk` sorts a job's events by time, then shard, attempt and sequence."""
        job, time_text = sanitise(event.job_id) or "-", sanitise(event.time)  # DynamoDB refuses an empty key
        expires = self._expires(event)
        for number, (name, details) in enumerate(log_entries(event)):
            sort_key = f"{time_text}#{event.shard:03}-{event.attempt:04}-{event.seq:010}-{number:03}"
            yield {
                "pk": {"S": job},
                "sk": {"S": sort_key},
                "job_id": {"S": job},
                "eventName": {"S": name},
                "details": to_attribute(truncate(details, _MAX_DETAILS)),
                "event_timestamp_id": {"S": sort_key},
                **({} if expires is None else {"expires_at": {"N": str(expires)}}),
            }

    def _expires(self, event: Event) -> int | None:
        time_ = unix_time(event)
        return None if self._ttl_seconds is None or time_ is None else int(time_) + self._ttl_seconds

    def _store(self, items: Sequence[Item]) -> None:
        """Write all `items`. One that DynamoDB refuses, for whatever reason, must not block the others for ever."""
        try:
            self._write(items)
        except ClientError as error:
            if kind_of(error) != "permanent":
                raise table_error(self._table, error) from None
            for item in items:  # DynamoDB does not say which one it refused
                self._store_alone(item)
        except BotoCoreError as error:
            raise table_error(self._table, error) from None

    def _store_alone(self, item: Item) -> None:
        try:
            self._write([item])
        except ClientError as error:
            reason = describe_error(error)
        except BotoCoreError as error:
            raise table_error(self._table, error) from None
        else:
            return
        note = {"cut": f"DynamoDB refused the details: {reason}"}
        try:
            self._write([{**item, "details": to_attribute(note)}])
        except (ClientError, BotoCoreError) as error:
            raise table_error(self._table, error) from None

    def _write(self, items: Sequence[Item]) -> None:
        unprocessed: dict[str, Any] = {self._table: [{"PutRequest": {"Item": item}} for item in items]}
        fruitless = 0
        while unprocessed:
            before = sum(map(len, unprocessed.values()))
            unprocessed = self._client.batch_write_item(RequestItems=unprocessed).get("UnprocessedItems", {})
            fruitless = fruitless + 1 if sum(map(len, unprocessed.values())) == before else 0
            if fruitless == _MAX_FRUITLESS:
                raise SinkError("retry", f"table {self._table}: DynamoDB is throttling and accepts no more items")
            if unprocessed:
                self._sleep(_PAUSE * 2**fruitless)
