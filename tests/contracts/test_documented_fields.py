"""Every field of a public record is documented by itself, so that a plugin author never has to look for it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass

import pytest

from querygen_core import api
from querygen_core.contracts import journal

RECORDS = sorted(
    {
        record
        for module in (api, journal)
        for record in vars(module).values()
        if isinstance(record, type) and is_dataclass(record) and not record.__name__.startswith("_")
    },
    key=lambda record: record.__name__,
)
ERRORS = sorted(
    {error for error in vars(api).values() if isinstance(error, type) and issubclass(error, api.QuerygenError)},
    key=lambda error: error.__name__,
)


def undocumented(cls: type) -> Iterator[str]:
    """The annotated attributes of a class that no string literal follows."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    for statement, following in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            is_documented = (
                isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            )
            if not (is_documented or statement.target.id.startswith("_")):
                yield statement.target.id


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_of_a_public_record_has_its_own_docstring(record: type):
    assert record.__doc__
    assert not record.__doc__.startswith(f"{record.__name__}("), "the signature that dataclass makes up says nothing"
    assert list(undocumented(record)) == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_attribute_of_a_public_error_has_its_own_docstring(error: type):
    assert error.__doc__
    assert [name for name in undocumented(error) if name != "kind" or error is api.QuerygenError] == []


def test_all_the_records_are_looked_at():
    names = {record.__name__ for record in RECORDS}
    assert names >= {"Product", "Query", "Capabilities", "Context", "Component", "JobSpec", "DeadLetter", "Tally"}
    assert {error.__name__ for error in ERRORS} >= {"ProviderError", "SinkError", "QuerygenError"}


@dataclass
class Careless:
    documented: int
    """A number."""
    forgotten: int
    _private: int = 0


def test_a_field_without_a_docstring_is_found():
    assert list(undocumented(Careless)) == ["forgotten"]


def test_every_public_name_is_listed_under_a_kind_of_component():
    """`__all__` groups them by hand, so nothing may be forgotten there."""
    source = inspect.getsource(api)
    imported = {
        alias.asname or alias.name
        for statement in ast.parse(source).body
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("querygen_core")
        for alias in statement.names
    }
    assert imported <= {*api.__all__}
    assert len(api.__all__) == len({*api.__all__})
