"""Evaluation of a template's functions, as far as possible without creating the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-central-1"
GIVEN = {"Image": f"querygen@sha256:{'a' * 64}", "AlarmEmail": "somebody@example.com"}
"""Values of the parameters without a default."""

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": "querygen",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING = {"Ref": "AWS::NoValue"}


class Values:
    """Evaluates the functions of a template with `parameters`.

    known: values for resources: `Bucket` for a Ref, `Bucket.Arn` for a GetAtt.
    """

    def __init__(self, template: Mapping[str, Any], known: Mapping[str, str] | None = None, **parameters: Any) -> None:
        defaults = {
            name: parameter["Default"] for name, parameter in template["Parameters"].items() if "Default" in parameter
        }
        self._template = template
        self._values = {**_PSEUDO, **defaults, **GIVEN, **parameters, **(known or {})}

    def of(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.of(inner) for inner in node if inner != _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in {"Ref", "Condition"} or name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        resolved = {key: self.of(inner) for key, inner in node.items()}
        return {key: inner for key, inner in resolved.items() if inner != _NOTHING}

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return _NOTHING if argument == "AWS::NoValue" else self._values[argument]
            case "GetAtt":
                return self._values[".".join(argument)]
            case "Sub":
                return re.sub(r"\$\{([\w.:]+)\}", lambda match: str(self._values[match[1]]), argument)
            case "FindInMap":
                table, row, column = map(self.of, argument)
                return self._template["Mappings"][table][row][column]
            case "Join":
                return argument[0].join(map(str, self.of(argument[1])))
            case "If":
                return self.of(argument[1 if self.holds(argument[0]) else 2])
            case "Base64":
                return self.of(argument)
        raise NotImplementedError(name)

    def holds(self, condition: str) -> bool:
        return self._true(self._template["Conditions"][condition])

    def _true(self, node: Mapping[str, Any]) -> bool:
        ((name, argument),) = node.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                return str(self.of(argument[0])) == str(self.of(argument[1]))
            case "Fn::Not":
                return not self._true(argument[0])
            case "Fn::And":
                return all(map(self._true, argument))
        raise NotImplementedError(name)


ARNS = {
    "Bucket": f"querygen-{ACCOUNT}-{REGION}",
    "Bucket.Arn": f"arn:aws:s3:::querygen-{ACCOUNT}-{REGION}",
    "AccessLogs.Arn": f"arn:aws:s3:::querygen-{ACCOUNT}-{REGION}-access",
    "Table": "querygen-log",
    "Table.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/querygen-log",
    "Key": "11111111-2222-3333-4444-555555555555",
    "Key.Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
    "GeminiSecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:querygen/gemini-AbCdEf",
    "DatabaseSecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:querygen/database-AbCdEf",
    "JobLogs": "/querygen/jobs",
    "JobLogs.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/querygen/jobs:*",
    "JobRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/querygen-job",
    "ExecutionRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/querygen-execution",
    "Queue": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/querygen",
    "UrgentQueue": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/querygen-urgent",
    "Bus.Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/querygen",
    "Api": "a1b2c3d4e5",
}
"""Names and ARNs of the resources that policies, definitions and triggers refer to."""
