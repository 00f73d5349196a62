"""Types of options in words."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from querygen_core.api import ModelName, Options, PromptName, Secret
from querygen_core.cli.option_types import DescribedOption, describe_options
from querygen_core.registry import Registry


class Colour(Enum):
    RED = "red"
    BLUE = "dark blue"


class Inner(BaseModel):
    low: float = Field(ge=0, description="The lower end.")
    high: float | None = Field(None, lt=9, description="The upper end.")


class Example(Options):
    word: str = Field(description="x")
    filled: str = Field("a b", min_length=1, description="x")
    short: str = Field("", min_length=2, max_length=5, description="x")
    code: Annotated[str, Field(pattern="^[a-z]+$")] | None = Field(None, description="x")
    whole: int = Field(3, ge=1, le=9, description="x")
    share: float | None = Field(None, gt=0, le=1, description="x")
    flag: bool = Field(True, description="x")
    level: Literal["low", "high", ";"] | int | None = Field("low", description="x")
    fixed: Literal["embedded"] | Secret = Field(description="x")
    colour: Colour = Field(Colour.RED, description="x")
    names: list[str] = Field([], max_length=3, description="x")
    table: dict[str, int] = Field(default_factory=dict, description="x")
    anything: Any = Field(None, description="x")
    model: ModelName = Field(description="x")
    prompt: PromptName | None = Field(None, description="x")
    key: Secret | None = Field(None, description="x")
    schema_: str = Field("public", alias="schema", description="x")
    inner: Inner | None = Field(None, description="Both ends.")


DESCRIBED = {option.key: option for option in describe_options(Example)}


@pytest.mark.parametrize(
    ("key", "type_", "default"),
    [
        ("word", "text", "required"),
        ("filled", "non-empty text", 'default "a b"'),
        ("short", "text of 2 to 5 characters", 'default ""'),
        ("code", "text that matches ^[a-z]+$ or nothing", "optional"),
        ("whole", "whole number from 1 to 9", "default 3"),
        ("share", "number, above 0 and at most 1, or nothing", "optional"),
        ("flag", "true or false", "default true"),
        ("level", 'one of low, high, ";", or whole number, or nothing', "default low"),
        ("fixed", "embedded or secret", "required"),
        ("colour", 'one of red, "dark blue"', "default red"),
        ("names", "list of text of at most 3 items", "default []"),
        ("table", "mapping of names to whole number", "default {}"),
        ("anything", "any value", "optional"),
        ("model", "name of an entry under `models`", "required"),
        ("prompt", "name or path of a prompt or nothing", "optional"),
        ("key", "secret or nothing", "optional"),
        ("schema", "text", "default public"),
        ("inner", "mapping or nothing", "optional"),
        ("inner.low", "number, at least 0", "required"),
        ("inner.high", "number, below 9, or nothing", "optional"),
    ],
)
def test_a_type_and_its_default(key: str, type_: str, default: str):
    assert (DESCRIBED[key].type, DESCRIBED[key].default) == (type_, default)


def test_a_nested_option_follows_its_mapping_with_its_own_description():
    keys = list(DESCRIBED)
    assert keys[-3:] == ["inner", "inner.low", "inner.high"]
    assert DESCRIBED["inner.low"] == DescribedOption("inner.low", "number, at least 0", "required", "The lower end.")


def test_every_installed_component_and_option_is_described_in_one_form():
    registry = Registry()
    for plugin in registry.installed():
        for registered in registry.components(plugin.name):
            summary = registered.component.summary
            assert summary[0].isupper(), registered.use
            assert not summary.endswith("."), registered.use
            for option in describe_options(registered.component.options):
                assert option.type, (registered.use, option.key)
                assert option.description.endswith("."), (registered.use, option.key)
