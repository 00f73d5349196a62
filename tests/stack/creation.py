"""Creates the stack on an emulator, without the types of resources that the emulator does not know."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from aws_server.emulators import Aws
from tests.stack.values import GIVEN

NAME = "querygen"
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_PATIENCE = 60.0  # seconds
_NOWHERE = "arn:aws:batch:eu-central-1:000000000000:not-made/"

UNKNOWN_TO_MINISTACK = (
    "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition",
    "AWS::Batch::JobQueue",
    "AWS::EC2::EIP",
    "AWS::EC2::NatGateway",
)
"""ministack refuses a template that contains any of these."""


def is_known(resource: Mapping[str, Any]) -> bool:
    """Whether the emulator creates the resource. It knows alarms, but not those on several metrics."""
    return resource["Type"] not in UNKNOWN_TO_MINISTACK and "Metrics" not in resource.get("Properties", {})


def without_unknown(template: Mapping[str, Any], **stand_ins: str) -> dict[str, Any]:
    """Return the template without unknown resources. References to them become their stand-in, or an invented ARN."""
    gone = {
        name: _NOWHERE + name for name, resource in template["Resources"].items() if not is_known(resource)
    } | stand_ins
    resources = {
        name: _unlinked(resource, gone) for name, resource in template["Resources"].items() if is_known(resource)
    }
    return {**template, "Resources": resources}


def _unlinked(node: Any, gone: Mapping[str, str]) -> Any:
    if isinstance(node, list):
        return [_unlinked(inner, gone) for inner in node]
    if isinstance(node, str):
        return re.sub(r"\$\{(\w+)(?:\.\w+)?\}", lambda match: gone.get(match[1], match[0]), node)
    if not isinstance(node, dict):
        return node
    name = node.get("Ref") or (node.get("Fn::GetAtt") or [""])[0]
    return gone[name] if name in gone else {key: _unlinked(inner, gone) for key, inner in node.items()}


def create(aws: Aws, template: Mapping[str, Any], **parameters: str) -> dict[str, str]:
    """Create the stack and return its outputs. Fail if any resource fails."""
    formation = aws.client("cloudformation")
    formation.create_stack(
        StackName=NAME,
        TemplateBody=json.dumps(template),
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in {**GIVEN, **parameters}.items()],
    )
    until = time.monotonic() + _PATIENCE
    while (created := formation.describe_stacks(StackName=NAME)["Stacks"][0])["StackStatus"] == "CREATE_IN_PROGRESS":
        assert time.monotonic() < until, "the stack was not created in time"
        time.sleep(0.05)
    events = formation.describe_stack_events(StackName=NAME)["StackEvents"]
    failed = {
        event["LogicalResourceId"]: event.get("ResourceStatusReason")
        for event in events
        if "FAILED" in event["ResourceStatus"]
    }
    assert created["StackStatus"] == "CREATE_COMPLETE", failed
    return {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}
