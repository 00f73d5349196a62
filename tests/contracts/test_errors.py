"""The kind of an error alone decides its exit code."""

from __future__ import annotations

from itertools import chain
from typing import get_args

import pytest

from querygen_core.contracts import errors
from querygen_core.contracts.errors import (
    EXIT_OF_KIND,
    ConfigError,
    CredentialsError,
    ErrorKind,
    Exit,
    InputError,
    JournalError,
    MissingInput,
    ProviderError,
    QuerygenError,
    SinkError,
)


def kinds(literal: object) -> set[str]:
    return set(chain.from_iterable(kinds(part) if get_args(part) else {part} for part in get_args(literal)))


def test_every_kind_has_one_exit_code():
    assert EXIT_OF_KIND.keys() == kinds(ErrorKind)


def test_no_class_has_an_exit_code_of_its_own():
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, QuerygenError)]
    assert len(classes) > 10
    assert [one.__name__ for one in classes if "exit_code" in vars(one)] == ["QuerygenError"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QuerygenError("x"), Exit.BUG),
        (InputError("x"), Exit.INPUT_UNUSABLE),
        (InputError("x", kind="retry"), Exit.TRY_AGAIN),
        (MissingInput("x"), Exit.INPUT_MISSING),
        (ConfigError("x"), Exit.CONFIG),
        (CredentialsError("x"), Exit.CREDENTIALS),
        (CredentialsError("x", transient=True), Exit.TRY_AGAIN),
        (ProviderError("auth", "x"), Exit.CREDENTIALS),
        (ProviderError("throttled", "x"), Exit.TRY_AGAIN),
        (ProviderError("quota", "x"), Exit.PROVIDER_REFUSES),
        (SinkError("permanent", "x"), Exit.SINK_FAILED),
        (SinkError("retry", "x"), Exit.TRY_AGAIN),
        (SinkError("auth", "x"), Exit.CREDENTIALS),
        (JournalError("x"), Exit.TRY_AGAIN),
        (JournalError("x", kind="unusable"), Exit.STATE_UNUSABLE),
        (JournalError("x", kind="auth"), Exit.CREDENTIALS),
        (JournalError("x", kind="config"), Exit.CONFIG),
    ],
    ids=repr,
)
def test_an_error_ends_the_process_with_the_code_of_its_kind(error: QuerygenError, code: Exit):
    assert error.exit_code == code
