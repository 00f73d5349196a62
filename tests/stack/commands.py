"""Runs the command lines of a README against an emulator. `aws` commands become boto3 calls by its service models."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jmespath
from botocore import xform_name

from aws_server.emulators import Aws
from tests.stack.creation import CAPABILITIES, NAME, create, without_unknown
from tests.stack.template import load

_INNER = re.compile(r"\$\(([^()]+)\)")
_VARIABLE = re.compile(r"\$\{?([A-Z_]+)\}?")
_GLOBAL = {"query", "output"}


def command_lines(text: str) -> list[str]:
    """Return the commands of all `sh` blocks, with continued lines joined and without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@dataclass
class Shell:
    """cwd: folder of relative paths. clients: clients of services that `aws` does not emulate."""

    aws: Aws
    cwd: Path
    variables: dict[str, str]
    clients: Mapping[str, Any] = field(default_factory=dict)

    def run(self, line: str) -> Any:
        """Run one command. Return the response of `aws`; `export` sets a variable.

        Raises:
            LookupError, ValueError: there is no such command, or it has no such option.
        """
        if export := re.match(r"export ([A-Z_]+)=(.*)", line):
            self.variables[export[1]] = self.substitute(export[2])
            return None
        words = shlex.split(self.substitute(line))
        if words[0] != "aws":
            raise LookupError(f"{words[0]} is not supported here")
        return self._aws(words[1], words[2], words[3:])

    def substitute(self, line: str) -> str:
        """Substitute inner commands and variables."""
        line = _INNER.sub(lambda match: str(self.run(match[1])), line)
        return _VARIABLE.sub(lambda match: self.variables[match[1]], line)

    def _aws(self, service: str, verb: str, words: list[str]) -> Any:
        match service, verb:
            case "cloudformation", "deploy":
                return self._deploy(dict(options(words)))
            case "s3", "cp":
                bucket, key = _place(words[1])
                return self._client("s3").put_object(Bucket=bucket, Key=key, Body=(self.cwd / words[0]).read_bytes())
            case "s3", "ls":
                bucket, prefix = _place(words[0])
                return self._client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
        return self._call(service, verb, dict(options(words)))

    def _client(self, service: str) -> Any:
        return self.clients.get(service) or self.aws.client(service)

    def _deploy(self, arguments: Mapping[str, list[str]]) -> dict[str, str]:
        assert (arguments["capabilities"], arguments["stack-name"]) == (CAPABILITIES, [NAME])
        template = load((self.cwd / arguments["template-file"][0]).read_text(encoding="utf-8"))
        return create(
            self.aws, without_unknown(template), **dict(pair.split("=", 1) for pair in arguments["parameter-overrides"])
        )

    def _call(self, service: str, verb: str, arguments: dict[str, list[str]]) -> Any:
        client = self._client(service)
        names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
        operation = client.meta.service_model.operation_model(names[verb])
        members = {xform_name(name, "-"): (name, shape) for name, shape in operation.input_shape.members.items()}
        chosen = {
            members[name][0]: self._value(members[name][1], words)
            for name, words in arguments.items()
            if name not in _GLOBAL
        }
        answer = getattr(client, xform_name(names[verb]))(**chosen)
        return jmespath.search(arguments["query"][0], answer) if "query" in arguments else answer

    def _value(self, shape: Any, words: list[str]) -> Any:
        """Parse a value by the option's shape: JSON, `name=value`, text, or the text of a file."""
        word = words[0].removeprefix("file://")
        if word != words[0]:
            return (self.cwd / word).read_text(encoding="utf-8")
        if shape.type_name in {"integer", "long"}:
            return int(word)
        if shape.type_name == "string":
            return word
        if word[0] in "[{":
            return json.loads(word)
        return [dict([entry.split("=", 1)]) if "=" in entry else entry for entry in words]


def options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with the words up to the next one."""
    starts = [index for index, word in enumerate(words) if word.startswith("--")]
    for start, following in zip(starts, [*starts[1:], len(words)], strict=True):
        yield words[start].removeprefix("--"), words[start + 1 : following]


def _place(url: str) -> tuple[str, str]:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key
