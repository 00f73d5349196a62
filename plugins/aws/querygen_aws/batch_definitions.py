"""A job definition, and how a job says what its container is to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch_errors import explain
from querygen_core.api import ConfigError

_OURS = "querygen"


@dataclass(frozen=True, slots=True)
class Definition:
    arn: str
    found: Mapping[str, Any]

    def overridden(self, command: Sequence[str]) -> dict[str, Any]:
        """What `SubmitJob` is told so that the container runs `command`.

        Raises:
            ConfigError: it is for several nodes or for Kubernetes, where there is no one container.
        """
        words = list(command)
        if tasks := self.found.get("ecsProperties", {}).get("taskProperties"):
            container = {**_named(tasks[0]["containers"]), "command": words}
            return {"ecsPropertiesOverride": {"taskProperties": [{"containers": [container]}]}}
        if "containerProperties" in self.found:
            return {"containerOverrides": {"command": words}}
        raise ConfigError(
            f"{self.arn}: has neither containerProperties nor ecsProperties, and querygen is one container"
        )


def find(batch: Any, name: str) -> Definition:
    """By a name the newest active revision; else exactly the one that is meant.

    Raises:
        ConfigError: there is none. CredentialsError: it may not be looked for.
    """
    asked: dict[str, Any] = {"jobDefinitions": [name]} if ":" in name else {"jobDefinitionName": name}
    try:
        pages = batch.get_paginator("describe_job_definitions").paginate(**asked, status="ACTIVE")
        found = [one for page in pages for one in page["jobDefinitions"]]
    except (ClientError, BotoCoreError) as error:
        raise explain(error, f"job definition {name}", "batch:DescribeJobDefinitions") from error
    if not found:
        region = batch.meta.region_name
        raise ConfigError(f"there is no active job definition {name} in {region}; see `submit.job_definitions`")
    newest = max(found, key=lambda one: int(one["revision"]))
    return Definition(str(newest["jobDefinitionArn"]), newest)


def _named(containers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The name of the container that is ours, where there are helpers beside it; nothing if it has none."""
    essential = [one for one in containers if one.get("essential", True)] or list(containers)
    ours = next((one for one in containers if one.get("name") == _OURS), essential[0])
    return {"name": ours["name"]} if "name" in ours else {}
