"""The options of the observers."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from querygen_aws.metric_table import RESERVED
from querygen_core.api import Options

# CloudWatch takes ASCII without control characters only; quotes and backslashes would be two characters in the line.
_DIMENSION = re.compile(r"[!#-9;-\[\]-~][ !#-\[\]-~]*")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#:-][A-Za-z0-9._/#: -]{0,254}")
_LONGEST = 255
_MOST = 20
_MOST_CHARACTERS = 2000  # the line has to stay below 16 KB


def _check_dimensions(dimensions: dict[str, str]) -> dict[str, str]:
    for name, value in dimensions.items():
        if not all(_DIMENSION.fullmatch(text) and len(text) <= _LONGEST for text in (name, value)):
            raise ValueError(f"{name!r}: names and values should be plain ASCII, at most {_LONGEST} characters")
        if name in RESERVED or name.startswith("CallErrors"):
            raise ValueError(f"{name!r} has a meaning already; choose another name")
        if name.lower().replace("_", "").replace("-", "") == "jobid":
            raise ValueError(f"{name!r}: each job would become metrics of its own, to be paid for; it is in the line")
    if sum(map(len, [*dimensions, *dimensions.values()])) > _MOST_CHARACTERS:
        raise ValueError(f"should be at most {_MOST_CHARACTERS} characters together")
    return dimensions


def _check_namespace(namespace: str) -> str:
    if not _NAMESPACE.fullmatch(namespace) or namespace.startswith("AWS/"):
        raise ValueError("should be letters, digits and . - _ / # :, at most 255, and not begin with AWS/")
    return namespace


Table = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{3,255}|arn:[A-Za-z0-9:/_.-]{3,1000})$")]
Region = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
Dimensions = Annotated[dict[str, str], Field(max_length=_MOST), AfterValidator(_check_dimensions)]

_REGION = "Region of the table; default: AWS_REGION, AWS_DEFAULT_REGION or the profile's."


class OrchestrationLogOptions(Options):
    table: Table = Field(description="Name or ARN of the table. Its key is `pk`, `sk`, both strings.")
    region: Region | None = Field(None, description=_REGION)
    ttl_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="Days after which DynamoDB may delete an event, by the attribute `expires_at`. Default: never.",
    )


class MetricsOptions(Options):
    namespace: Annotated[str, AfterValidator(_check_namespace)] = Field(
        "Querygen", description="CloudWatch's namespace of the metrics."
    )
    table: Table | None = Field(
        None,
        description="DynamoDB table that remembers how long successful runs took, for `DurationRatio`; may be the one "
        "of `aws/orchestration-log`.",
    )
    region: Region | None = Field(None, description=_REGION)
    dimensions: Dimensions = Field(
        {}, description="Of all metrics, e.g. `{Environment: prod}`. Each set of values is a metric of its own."
    )
