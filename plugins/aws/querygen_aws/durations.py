"""Durations of earlier runs, kept in DynamoDB because CloudWatch cannot compare a run with the ones before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.attributes import sanitise, to_attribute
from querygen_aws.clients import client
from querygen_aws.errors import describe_error, kind_of, table_error
from querygen_core.api import Event, SinkError

_PARTITION_KEY = {"S": "querygen#durations"}
_MAX_RUNS = 20
_MAX_KEY_LENGTH = 250  # DynamoDB allows 1024 bytes; a character has at most four


class DurationTable:
    def __init__(self, table: str, environ: Mapping[str, str], region: str | None) -> None:
        self._table = table
        self._client = client("dynamodb", environ, region)
        self.identity = f"dynamodb/{self._client.meta.region_name}/{table}"

    def mean_before(self, event: Event) -> float | None:
        """Return the mean seconds per product of the last 20 runs that ended before `event`; None if there are none.

        Raises:
            SinkError: the table cannot be read.
        """
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :sk",
                ScanIndexForward=False,
                ExpressionAttributeValues={":pk": _PARTITION_KEY, ":sk": {"S": _sort_key(event)}},
                Limit=_MAX_RUNS,
            )
        except (ClientError, BotoCoreError) as error:
            raise self._error(error) from None
        durations = [float(item["seconds_per_product"]["N"]) for item in answer["Items"] if _has_duration(item)]
        return sum(durations) / len(durations) if durations else None

    def add(self, event: Event, seconds: float) -> None:
        """Store `seconds` per product for the run that `event` ended. The same event writes the same item again.

        Raises:
            SinkError: the table cannot be written.
        """
        item = {
            "pk": _PARTITION_KEY,
            "sk": {"S": _sort_key(event)},
            "job_id": to_attribute(event.job_id),
            "seconds_per_product": to_attribute(seconds),
        }
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise self._error(error) from None

    def check(self) -> None:
        """Read an item, and write one on a condition that never holds.

        Raises:
            SinkError: the table cannot be read or written.
        """
        try:
            self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk < :sk",
                ExpressionAttributeValues={":pk": _PARTITION_KEY, ":sk": {"S": "-"}},
                Limit=1,
            )
            self._client.put_item(
                TableName=self._table,
                Item={"pk": _PARTITION_KEY, "sk": {"S": "-"}},
                ConditionExpression="attribute_exists(pk) AND attribute_not_exists(pk)",
            )
        except (ClientError, BotoCoreError) as error:
            if kind_of(error) != "exists":
                raise table_error(self._table, error) from None

    def _error(self, error: Exception) -> SinkError:
        return SinkError("retry", f"table {self._table}: {describe_error(error)}")


def _sort_key(event: Event) -> str:
    """Sort by time. The shard keeps runs apart that end in the same millisecond."""
    return f"{sanitise(event.time)}#{sanitise(event.job_id)}"[:_MAX_KEY_LENGTH] + f"#{event.shard:03}"


def _has_duration(item: Mapping[str, Any]) -> bool:
    """Anybody may put items into the table, so one without a number is skipped."""
    return "N" in item.get("seconds_per_product", {})
