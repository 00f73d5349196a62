from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.shop import Shop


@dataclass(frozen=True)
class Unbroken:
    """What a run that nothing disturbed made, and what it cost."""

    outputs: dict[str, bytes]
    needed: int
    report: dict[str, Any]


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    shop = Shop(tmp_path_factory.mktemp("unbroken"))
    ended = shop.run()
    assert ended.code == 0, ended.err
    return Unbroken(shop.outputs(), shop.paid, ended.json)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")
