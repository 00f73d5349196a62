from __future__ import annotations

from pathlib import Path

import pytest


class Contract:
    """What all contracts share. `folder` is new and empty in each test."""

    folder: Path

    @pytest.fixture(autouse=True)
    def _take_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
