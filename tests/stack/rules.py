"""Rules that cfn-lint lacks: mistakes that AWS reports only when a job is submitted, or never."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.stack.template import of_type, walk
from tests.stack.values import Values

Template = Mapping[str, Any]
Rule = Callable[[Template, str], Iterator[str]]

_PATTERN = re.compile(r"[A-Za-z0-9.: \t]{0,511}\*?|\*")
_CODE = re.compile(r"[0-9]{1,511}\*?")
_LAST = {"Action": "EXIT", "OnReason": "*"}
_SECRET = re.compile(r"pass|secret|token|api_?key|credential", re.IGNORECASE)
_SERIES = re.compile(r"(?<![\w.])[a-z]\w*")  # in metric maths functions are upper case, and metrics begin in lower
_FORCED = re.compile(r'Resource: "\*" +# forced: \S')
_PAIRS = {"1": "1024", "2": "2048", "4": "4096"}
_MAX_BYTES = 51_200  # of a template that is not in a bucket


def containers(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the containers of all job definitions, with mappings resolved."""
    for name, properties in of_type(template, "AWS::Batch::JobDefinition").items():
        for task in properties["EcsProperties"]["TaskProperties"]:
            for container in task["Containers"]:
                needs = Values(template).of(container["ResourceRequirements"])
                yield name, {**container, "ResourceRequirements": needs}


def attempts_are_possible(template: Template, _text: str) -> Iterator[str]:
    for name, properties in of_type(template, "AWS::Batch::JobDefinition").items():
        if not 1 <= properties["RetryStrategy"]["Attempts"] <= 10:
            yield f"{name}: a job has 1 to 10 attempts"


def a_timeout_is_given(template: Template, _text: str) -> Iterator[str]:
    """A number of at least 60, or a parameter with such a minimum."""
    for name, properties in of_type(template, "AWS::Batch::JobDefinition").items():
        seconds = properties.get("Timeout", {}).get("AttemptDurationSeconds", 0)
        if isinstance(seconds, dict):
            seconds = template["Parameters"][seconds["Ref"]].get("MinValue", 0)
        if seconds < 60:
            yield f"{name}: an attempt has a timeout of at least 60 seconds"


def ends_are_told_apart(template: Template, _text: str) -> Iterator[str]:
    """At most five rules, in the characters that Batch allows, and a final one for the rest, which would be retried."""
    for name, properties in of_type(template, "AWS::Batch::JobDefinition").items():
        rules = properties["RetryStrategy"].get("EvaluateOnExit", [])
        if len(rules) > 5:
            yield f"{name}: {len(rules)} rules in EvaluateOnExit, at most 5"
        if not rules or rules[-1] != _LAST:
            yield f"{name}: the last rule of EvaluateOnExit is not {_LAST}"
        for rule in rules:
            for field, pattern in rule.items():
                allowed = {"OnExitCode": _CODE, "Action": re.compile("RETRY|EXIT")}.get(field, _PATTERN)
                if not allowed.fullmatch(pattern):
                    yield f"{name}: {field} {pattern!r} has characters that Batch does not take"


def containers_are_confined(template: Template, _text: str) -> Iterator[str]:
    for name, container in containers(template):
        if container.get("ReadonlyRootFilesystem") is not True:
            yield f"{name}: its root is not read-only"
        if container.get("Privileged") is not False:
            yield f"{name}: it is privileged"
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(container.get("User", ""))):
            yield f"{name}: its user is root, or not given by numbers"
        if not container.get("LinuxParameters", {}).get("InitProcessEnabled"):
            yield f"{name}: without an init process nobody reaps what it leaves"
        if not any(mount.get("ReadOnly") is False for mount in container.get("MountPoints", [])):
            yield f"{name}: it has no writable folder for its state"
        for place in container.get("LinuxParameters", {}).get("Tmpfs", []):
            if not {"noexec", "nosuid", "nodev"} <= {*place["MountOptions"]}:
                yield f"{name}: {place['ContainerPath']} can be executed from"


def sizes_fit(template: Template, _text: str) -> Iterator[str]:
    for name, container in containers(template):
        needs = {need["Type"]: need["Value"] for need in container["ResourceRequirements"]}
        if _PAIRS.get(needs["VCPU"]) != needs["MEMORY"]:
            yield f"{name}: {needs['VCPU']} vCPU with {needs['MEMORY']} MiB is no size of ours"


def no_secret_is_in_the_open(template: Template, _text: str) -> Iterator[str]:
    """`describe-jobs` shows a job's environment, and secrets injected by ECS never rotate and show in /proc."""
    for name, container in containers(template):
        if container.get("Secrets"):
            yield f"{name}: secrets in its environment"
        for variable in container.get("Environment", []):
            if _SECRET.search(variable["Name"]):
                yield f"{name}: {variable['Name']} in its environment"
    for name, parameter in template["Parameters"].items():
        if _SECRET.search(name) and not parameter.get("NoEcho"):
            yield f"parameter {name}: shown to everybody who sees the stack"


def maths_add_up(template: Template, _text: str) -> Iterator[str]:
    """Every series that is used is defined, every one that is defined is used, and exactly one is returned."""
    for name, properties in of_type(template, "AWS::CloudWatch::Alarm").items():
        series = properties.get("Metrics", [])
        defined = {entry["Id"] for entry in series if "MetricStat" in entry}
        expressions = [str(entry["Expression"]) for entry in series if "Expression" in entry]
        used = {word for text in expressions for word in _SERIES.findall(text)}
        if used != defined:
            yield f"{name}: {sorted(used ^ defined)} is used or defined only"
        if any(text.count("(") != text.count(")") for text in expressions):
            yield f"{name}: brackets do not match"
        if series and sum(entry.get("ReturnData", True) for entry in series) != 1:
            yield f"{name}: an alarm must return exactly one series"
        if properties.get("TreatMissingData") != "notBreaching":
            yield f"{name}: it rings while nothing runs"
        if not properties.get("AlarmActions"):
            yield f"{name}: it tells nobody"


def every_resource_is_named(template: Template, text: str) -> Iterator[str]:
    """`*` only where a comment says what forces it, and no action is a wildcard."""
    for path, node in walk(template["Resources"]):
        if not isinstance(node, dict) or node.get("Effect") != "Allow":
            continue
        actions = node["Action"] if isinstance(node["Action"], list) else [node["Action"]]
        is_key = path.partition(".")[2].startswith("Properties.KeyPolicy")
        if any(action == "*" or action.endswith(":*") for action in actions) and not is_key:
            yield f"{path}: allows everything: {actions}"
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"Resource: \[?[\"']\*[\"']", line) and not _FORCED.search(line):
            yield f'line {number}: Resource "*" without what forces it'


def logs_end(template: Template, _text: str) -> Iterator[str]:
    for name, properties in of_type(template, "AWS::Logs::LogGroup").items():
        if not properties.get("RetentionInDays"):
            yield f"{name}: kept for ever"
        if not properties.get("KmsKeyId"):
            yield f"{name}: not encrypted with our key"


def buckets_are_closed(template: Template, _text: str) -> Iterator[str]:
    for name, properties in of_type(template, "AWS::S3::Bucket").items():
        closed = properties.get("PublicAccessBlockConfiguration", {})
        if len(closed) != 4 or not all(closed.values()):
            yield f"{name}: may become public"
        if "BucketEncryption" not in properties:
            yield f"{name}: not encrypted"


def the_journal_is_kept(template: Template, _text: str) -> Iterator[str]:
    """No rule expires current objects under a prefix that may be the journal's."""
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    for rule in rules:
        prefix = rule.get("Prefix", rule.get("Filter", {}).get("Prefix", ""))
        reaches = "journal/".startswith(prefix) or prefix.startswith("journal/")
        if reaches and {"ExpirationInDays", "ExpirationDate", "Transitions", "Transition"} & rule.keys():
            yield f"lifecycle rule {rule['Id']}: takes what is current in the journal"


def what_holds_data_stays(template: Template, _text: str) -> Iterator[str]:
    """Deleting the stack by mistake must not delete paid answers."""
    kept = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret"}
    for name, resource in template["Resources"].items():
        if resource["Type"] in kept and {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")} != {
            "Retain"
        }:
            yield f"{name}: is deleted with the stack"


def it_fits(_template: Template, text: str) -> Iterator[str]:
    if len(text.encode()) > _MAX_BYTES:
        yield f"the template has {len(text.encode())} bytes; CloudFormation takes {_MAX_BYTES} without a bucket"


RULES: tuple[Rule, ...] = (
    attempts_are_possible,
    a_timeout_is_given,
    ends_are_told_apart,
    containers_are_confined,
    sizes_fit,
    no_secret_is_in_the_open,
    maths_add_up,
    every_resource_is_named,
    logs_end,
    buckets_are_closed,
    the_journal_is_kept,
    what_holds_data_stays,
    it_fits,
)
