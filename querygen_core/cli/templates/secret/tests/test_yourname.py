from __future__ import annotations

from pathlib import Path

from querygen_core.api import Options, SecretResolver
from querygen_core.testing import PluginContract, SecretResolverContract, context

from querygen_yourname import build_env_file


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestEnvFile(SecretResolverContract):
    def resolver(self, folder: Path) -> SecretResolver:
        return build_env_file(Options(), context(folder))

    def known(self) -> tuple[str, str | None, str]:
        path = self.folder / "app.env"
        path.write_text(
            "# for the shop\nUSER=me\nexport PASSWORD = 'hunter2=hunter2'\n"
        )
        return str(path), "PASSWORD", "hunter2=hunter2"
