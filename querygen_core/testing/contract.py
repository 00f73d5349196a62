from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from querygen_core.api import Closable

T = TypeVar("T")


class Contract:
    """What all contracts share."""

    folder: Path
    """New and empty in each test. A component that needs a place gets it in here."""

    _built: list[Closable]

    @pytest.fixture(autouse=True)
    def _take_folder(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self._built = []
        yield
        for component in self._built:
            asyncio.run(component.aclose())

    def closed_later(self, component: T) -> T:
        """`component`, which is closed after the test if it is `Closable`."""
        if isinstance(component, Closable):
            self._built.append(component)
        return component
