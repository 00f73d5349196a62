from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from querygen_core.api import Options, Storage
from querygen_core.testing import PluginContract, StorageContract, context

from querygen_yourname import build_zip


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestZip(StorageContract):
    def storage(self, folder: Path) -> Storage:
        return build_zip(Options(), context(folder))

    def put(self, name: str, data: bytes) -> str:
        path = self.folder / "shop.zip"
        members: dict[str, bytes] = {}
        if path.exists():
            with ZipFile(path) as archive:
                members = {
                    member: archive.read(member) for member in archive.namelist()
                }
        with ZipFile(path, "w") as archive:
            for member, content in {**members, name: data}.items():
                archive.writestr(member, content)
        return f"zip://{path}/{name}"
