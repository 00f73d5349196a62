"""Options are looked into for secrets and numbers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from querygen_core.api import Options, Secret
from querygen_core.config.options import comparable, number_fields, secret_fields
from tests.demo_plugin import TableOptions


class Odd(Options):
    flag: bool = Field(False, description="")
    number: int | None = Field(None, description="")
    either: int | bool = Field(0, description="")
    money: Decimal = Field(Decimal(1), description="")
    anything: Any = Field(None, description="")
    free: Annotated[int, BeforeValidator(int)] = Field(0, description="")
    nested: TableOptions | None = Field(None, description="")
    secrets: list[Secret | None] = Field([], description="")
    literal: Literal["a", 1] = Field("a", description="")

    @field_validator("number")
    @classmethod
    def check(cls, value):
        return value


class Loop(BaseModel):
    inner: Loop | None = None
    key: Secret | None = None


def test_options_are_looked_into():
    assert number_fields(Odd) == {"number", "money"}
    assert secret_fields(Odd) == {"nested", "secrets"}
    assert secret_fields(Loop) == {"inner", "key"}
    assert comparable({"a": [1.0, 1.5, 1e300, True, None, "1.0"]}) == {"a": [1, 1.5, 1e300, True, None, "1.0"]}
