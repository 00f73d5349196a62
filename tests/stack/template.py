"""configs/aws/stack.yaml as data, with functions in long form and loops expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

STACK = Path(__file__).parents[2] / "configs" / "aws" / "stack.yaml"

_LOOP = "Fn::ForEach::"


class _Loader(yaml.CSafeLoader):
    """Reads `!Sub x` as {"Fn::Sub": x} and `!GetAtt A.Arn` as a pair."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _function)


def load(text: str) -> dict[str, Any]:
    """Parse a template and expand every `Fn::ForEach`."""
    template = yaml.load(text, _Loader)
    return {**template, "Resources": _expanded(template["Resources"])}


def _expanded(resources: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, resource in resources.items():
        if not name.startswith(_LOOP):
            plain[name] = resource
            continue
        variable, values, body = resource
        for value in values:
            plain |= _substitute(body, variable, value)
    return plain


def _substitute(node: Any, variable: str, value: str) -> Any:
    """Return the body of a loop for one value of its variable."""
    if node == {"Ref": variable}:
        return value
    if isinstance(node, dict):
        return {_substitute(key, variable, value): _substitute(inner, variable, value) for key, inner in node.items()}
    if isinstance(node, list):
        return [_substitute(inner, variable, value) for inner in node]
    return node.replace(f"${{{variable}}}", value) if isinstance(node, str) else node


def walk(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every node with its path."""
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield from walk(inner, f"{path}.{key}" if path else str(key))


def of_type(template: Mapping[str, Any], type_: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, by name."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == type_
    }


@cache
def stack() -> dict[str, Any]:
    """Return the template. It is cached, so do not modify it."""
    return load(STACK.read_text(encoding="utf-8"))
