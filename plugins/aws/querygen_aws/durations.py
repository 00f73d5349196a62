"""How long earlier runs took for a product, kept in DynamoDB: CloudWatch cannot compare a run with earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.attributes import attribute, storable
from querygen_aws.clients import client
from querygen_aws.failures import said
from querygen_core.api import Fact, SinkError

_PARTITION = {"S": "querygen#durations"}
_MOST = 20


class Durations:
    def __init__(self, table: str, environ: Mapping[str, str], region: str | None) -> None:
        self._table = table
        self._client = client("dynamodb", environ, region)
        self.identity = f"dynamodb/{self._client.meta.region_name}/{table}"

    def mean_before(self, fact: Fact) -> float | None:
        """Seconds per product, over the last runs that ended before; None if there were none.

        Raises:
            SinkError
        """
        try:
            answer = self._client.query(
                TableName=self._table, KeyConditionExpression="pk = :pk AND sk < :sk", ScanIndexForward=False,
                ExpressionAttributeValues={":pk": _PARTITION, ":sk": {"S": _key(fact)}}, Limit=_MOST,
            )  # fmt: skip
        except (ClientError, BotoCoreError) as error:
            raise SinkError("retry", f"table {self._table}: {said(error)}") from None
        found = [float(item["seconds_per_product"]["N"]) for item in answer["Items"] if _is_whole(item)]
        return sum(found) / len(found) if found else None

    def add(self, fact: Fact, seconds: float) -> None:
        """Told again, it writes the same item.

        Raises:
            SinkError
        """
        item = {
            "pk": _PARTITION,
            "sk": {"S": _key(fact)},
            "job_id": attribute(fact.job_id),
            "seconds_per_product": attribute(seconds),
        }
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise SinkError("retry", f"table {self._table}: {said(error)}") from None


def _key(fact: Fact) -> str:
    """Shards of a job may end in the same moment."""
    tail = f"#{fact.shard:03}"
    return f"{storable(fact.time)}#{storable(fact.job_id)}"[:250] + tail


def _is_whole(item: Mapping[str, Any]) -> bool:
    return "N" in item.get("seconds_per_product", {})
