"""configs/aws/stack.yaml as data: functions in their long form, loops written out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

STACK = Path(__file__).parents[2] / "configs" / "aws" / "stack.yaml"

_LOOP = "Fn::ForEach::"


class _Loader(yaml.CSafeLoader):
    """`!Sub x` as {"Fn::Sub": x}; `!GetAtt A.Arn` as a pair."""


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
    """With every `Fn::ForEach` written out."""
    template = yaml.load(text, _Loader)
    return {**template, "Resources": _unrolled(template["Resources"])}


def _unrolled(resources: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for name, resource in resources.items():
        if not name.startswith(_LOOP):
            plain[name] = resource
            continue
        variable, values, body = resource
        for value in values:
            plain |= _with(body, variable, value)
    return plain


def _with(node: Any, variable: str, value: str) -> Any:
    """What stands in a loop, for one turn of it."""
    if node == {"Ref": variable}:
        return value
    if isinstance(node, dict):
        return {_with(key, variable, value): _with(inner, variable, value) for key, inner in node.items()}
    if isinstance(node, list):
        return [_with(inner, variable, value) for inner in node]
    return node.replace(f"${{{variable}}}", value) if isinstance(node, str) else node


def walk(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every node and where it is."""
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield from walk(inner, f"{path}.{key}" if path else str(key))


def of_type(template: Mapping[str, Any], type_: str) -> dict[str, dict[str, Any]]:
    """Properties of the resources of a type."""
    return {name: one.get("Properties", {}) for name, one in template["Resources"].items() if one["Type"] == type_}


@cache
def stack() -> dict[str, Any]:
    """Not to be changed: it is read once."""
    return load(STACK.read_text(encoding="utf-8"))
