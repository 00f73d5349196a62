"""The stack on an emulator that does not know all of its resources: what is not known is left out, by its type."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from tests.servers.aws import Aws
from tests.stack.values import GIVEN

NAME = "querygen"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PATIENCE = 60.0  # seconds
_NOWHERE = "arn:aws:batch:eu-central-1:000000000000:not-made/"

UNKNOWN_TO_MINISTACK = (
    "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition", "AWS::Batch::JobQueue", "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
)  # fmt: skip
"""With any of these in it, it refuses a whole template."""


def is_known(resource: Mapping[str, Any]) -> bool:
    """It makes alarms, but none of several metrics."""
    return resource["Type"] not in UNKNOWN_TO_MINISTACK and "Metrics" not in resource.get("Properties", {})


def without_unknown(template: Mapping[str, Any], **stand_ins: str) -> dict[str, Any]:
    """The template without what is not known. Where others speak of it, there is its stand-in, or a name."""
    gone = {name: _NOWHERE + name for name, one in template["Resources"].items() if not is_known(one)} | stand_ins
    resources = {name: _unlinked(one, gone) for name, one in template["Resources"].items() if is_known(one)}
    return {**template, "Resources": resources}


def _unlinked(node: Any, gone: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_unlinked(inner, gone) for inner in node]
    if isinstance(node, str):
        return re.sub(r"\$\{(\w+)(?:\.\w+)?\}", lambda found: gone.get(found[1], found[0]), node)
    if not isinstance(node, dict):
        return node
    name = node.get("Ref") or (node.get("Fn::GetAtt") or [""])[0]
    return gone[name] if name in gone else {key: _unlinked(inner, gone) for key, inner in node.items()}


def create(aws: Aws, template: Mapping[str, Any], **parameters: str) -> dict[str, str]:
    """Its outputs. Fails if anything of it fails."""
    formation = aws.client("cloudformation")
    formation.create_stack(
        StackName=NAME, TemplateBody=json.dumps(template), Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in {**GIVEN, **parameters}.items()],
    )  # fmt: skip
    until = time.monotonic() + _PATIENCE
    while (made := formation.describe_stacks(StackName=NAME)["Stacks"][0])["StackStatus"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)
    events = formation.describe_stack_events(StackName=NAME)["StackEvents"]
    failed = {
        one["LogicalResourceId"]: one.get("ResourceStatusReason") for one in events if "FAILED" in one["ResourceStatus"]
    }
    assert made["StackStatus"] == "CREATE_COMPLETE", failed
    return {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}
