"""Runs one test of a contract against an implementation that is wrong on purpose."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

_numbers = count()


def catches(contract: type[Any], test: str, folder: Path) -> bool:
    """Whether `test` of `contract` fails, with any of its parameters."""
    return any(_fails(contract, test, folder / str(next(_numbers)), given) for given in _parameters(contract, test))


def _parameters(contract: type[Any], test: str) -> list[dict[str, Any]]:
    for mark in getattr(getattr(contract, test), "pytestmark", []):
        if mark.name == "parametrize":
            name, values = mark.args
            return [{name: value} for value in values]
    return [{}]


def _fails(contract: type[Any], test: str, folder: Path, given: dict[str, Any]) -> bool:
    folder.mkdir(parents=True)
    judged = contract()
    judged.folder = folder
    try:
        getattr(judged, test)(**given)
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - to pytest all of them are failures
        return True
    return False
