"""Lookup of a job definition, and the override that sets the command of its container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch.errors import translate_error
from querygen_core.api import ConfigError

_CONTAINER_NAME = "querygen"


@dataclass(frozen=True, slots=True)
class Definition:
    arn: str
    """Name and revision included, so that a revision registered meanwhile changes nothing."""
    description: Mapping[str, Any]
    """As `DescribeJobDefinitions` returns it."""

    def overridden(self, command: Sequence[str]) -> dict[str, Any]:
        """Return the arguments of `SubmitJob` that make the container run `command`.

        Raises:
            ConfigError: the definition is for several nodes or for Kubernetes, so it has no single container.
        """
        if tasks := self.description.get("ecsProperties", {}).get("taskProperties"):
            container = {**_container_name(tasks[0]["containers"]), "command": list(command)}
            return {"ecsPropertiesOverride": {"taskProperties": [{"containers": [container]}]}}
        if "containerProperties" in self.description:
            return {"containerOverrides": {"command": list(command)}}
        raise ConfigError(
            f"{self.arn}: has neither containerProperties nor ecsProperties, and querygen runs in one container"
        )


def find(batch: Any, name: str) -> Definition:
    """Return the newest active revision of a plain name, or the one that `name:revision` or an ARN denotes.

    Raises:
        ConfigError: there is none.
        CredentialsError: `DescribeJobDefinitions` is denied.
    """
    query: dict[str, Any] = {"jobDefinitions": [name]} if ":" in name else {"jobDefinitionName": name}
    try:
        pages = batch.get_paginator("describe_job_definitions").paginate(**query, status="ACTIVE")
        definitions = [definition for page in pages for definition in page["jobDefinitions"]]
    except (ClientError, BotoCoreError) as error:
        raise translate_error(error, f"job definition {name}", "batch:DescribeJobDefinitions") from error
    if not definitions:
        region = batch.meta.region_name
        raise ConfigError(f"there is no active job definition {name} in {region}; see `submit.job_definitions`")
    newest = max(definitions, key=lambda definition: int(definition["revision"]))
    return Definition(str(newest["jobDefinitionArn"]), newest)


def _container_name(containers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Choose the container named `querygen`, else the first essential one: the others are sidecars.

    The override of a definition with one unnamed container has no name either, so the result may be empty.
    """
    essential = [container for container in containers if container.get("essential", True)] or list(containers)
    chosen = next((container for container in containers if container.get("name") == _CONTAINER_NAME), essential[0])
    return {"name": chosen["name"]} if "name" in chosen else {}
