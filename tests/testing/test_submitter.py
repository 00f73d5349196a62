from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from querygen_core.api import ConfigError, Submission
from querygen_core.testing import SubmitterContract
from tests.testing.verdict import catches

numbers = count()


class Drawer:
    """Puts everything into a folder, and runs nothing."""

    def __init__(self, folder: Path):
        self.folder = folder

    async def submit(self, order):
        if not self.folder.is_dir():
            raise ConfigError(f"there is no {self.folder}")
        for name, content in order.files.items():
            self.put(name, content if isinstance(content, bytes) else content.read_bytes())
        return Submission(id=self.name(order), report_id="r", place=f"{self.folder.as_uri()}/")

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def name(self, _order):
        return str(next(numbers))


class TestDrawer(SubmitterContract):
    drawer = Drawer

    def submitter(self, folder):
        (folder / "drawer").mkdir(exist_ok=True)
        return self.drawer(folder / "drawer")

    def stored(self):
        return {path.as_uri(): path.read_bytes() for path in (self.folder / "drawer").rglob("*") if path.is_file()}

    def lost(self):
        return self.drawer(self.folder / "nowhere")


class Forgetful(Drawer):
    def put(self, name, content):
        if not name.endswith(".j2"):
            super().put(name, content)


class Lossy(Drawer):
    def put(self, name, content):
        super().put(name, content.decode("ascii", "ignore").encode())


class Talkative(Drawer):
    def put(self, name, content):
        super().put(name, content)
        super().put("4711/environ", b"PATH=/bin")


class Elsewhere(Drawer):
    async def submit(self, order):
        found = await super().submit(order)
        return Submission(id=found.id, report_id=found.report_id, place=found.place.rstrip("/"))


class Growing(Drawer):
    def put(self, name, content):
        super().put(f"{name}.{next(numbers)}" if (self.folder / name).exists() else name, content)


class Picky(Drawer):
    def name(self, order):
        return order.job_id.encode("ascii").decode()


class Blunt(Drawer):
    async def submit(self, order):
        for name, content in order.files.items():
            (self.folder / Path(name).name).write_bytes(content)


@pytest.mark.parametrize(
    ("drawer", "test"),
    [
        (Forgetful, "sends_all_and_nothing_else"),
        (Lossy, "sends_all_and_nothing_else"),
        (Talkative, "sends_all_and_nothing_else"),
        (Elsewhere, "sends_all_and_nothing_else"),
        (Growing, "takes_the_same_order_again"),
        (Picky, "takes_the_same_order_again"),
        (Picky, "any_job_id_will_do"),
        (Blunt, "a_missing_place_is_a_clear_error"),
    ],
)
def test_a_wrong_one_is_caught(drawer, test, tmp_path):
    wrong = type("Wrong", (TestDrawer,), {"drawer": drawer})
    assert catches(wrong, f"test_{test}", tmp_path)
