"""Core's own components keep the contracts that plugins keep."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from querygen_core import builtin
from querygen_core.contracts.canonical import digest
from querygen_core.prompts import PromptLibrary
from querygen_core.testing import (
    GeneratorContract,
    PluginContract,
    SecretResolverContract,
    StorageContract,
    context,
)
from querygen_core.testing.plugin import ALLOWED

ROOT = Path(__file__).parents[2]


class TestCore(PluginContract):
    package = "querygen_core.builtin"

    def test_readme_names_every_component(self):
        """Core's secret resolvers go by shorter names, and nobody names the storage of local files."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        names = ("core/prompt", "${secret:env:", "${secret:file:")
        assert [name for name in names if name not in readme] == []


def test_the_interface_is_light():
    """Every plugin imports it, so it must not bring in what only some of them need."""
    program = "import sys; before = set(sys.modules); import querygen_core.api; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    tops = {name.partition(".")[0] for name in done.stdout.split()}
    assert "querygen_core" in tops
    assert {name for name in tops - sys.stdlib_module_names if not ALLOWED.fullmatch(name)} == set()


class TestProductPrompt(GeneratorContract):
    prompt = "product"

    def build(self, tmp_path):
        library = PromptLibrary([ROOT / "prompts"])
        surroundings = context(tmp_path, load_prompt=library.load, describe_model=lambda name: {"model": name})
        return builtin.build_prompt(builtin.PromptOptions(prompt=self.prompt, model="flash"), surroundings)

    def answer(self, request):
        texts = [f"Question {number} of {digest(request)[:8]}?" for number in range(5)]
        return {"questions": [{"text": text, "sub_type": "features", "persona": "parent"} for text in texts]}


class TestMarketPrompt(TestProductPrompt):
    prompt = "market"


class TestEnv(SecretResolverContract):
    def resolver(self, folder):
        environ = {"API_KEY": "correct horse battery", "DATABASE": '{"password": "correct horse"}'}
        return builtin.build_env(builtin.NoOptions(), context(folder, environ=environ))

    def known(self):
        return "API_KEY", None, "correct horse battery"


class TestEnvField(TestEnv):
    def known(self):
        return "DATABASE", "password", "correct horse"


class TestSecretFile(SecretResolverContract):
    def resolver(self, folder):
        return builtin.build_file_secret(builtin.NoOptions(), context(folder))

    def known(self):
        (self.folder / "key").write_text("correct horse battery\n")
        return str(self.folder / "key"), None, "correct horse battery"


class TestFiles(StorageContract):
    def storage(self, folder):
        return builtin.build_file_storage(builtin.NoOptions(), context(folder))

    def put(self, name, data):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return self.url(path)

    def url(self, path: Path) -> str:
        return str(path)


class TestFileUrls(TestFiles):
    def url(self, path):
        return path.as_uri()
