from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class Contract:
    """What all contracts share. `folder` is new and empty in each test."""

    folder: Path
    _built: list[Any]

    @pytest.fixture(autouse=True)
    def _take_folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self._built = []
        yield
        for part in self._built:
            asyncio.run(part.aclose())

    def closed_later(self, part: T) -> T:
        """`part`, which is closed when the test is over, if it has `aclose`."""
        if hasattr(part, "aclose"):
            self._built.append(part)
        return part
