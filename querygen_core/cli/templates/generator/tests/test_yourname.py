from __future__ import annotations

from pathlib import Path

from querygen_core.api import Generator
from querygen_core.testing import GeneratorContract, PluginContract, context, product

from querygen_yourname import PatternsOptions, build_patterns


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestPatterns(GeneratorContract):
    def build(self, tmp_path: Path) -> Generator:
        return build_patterns(PatternsOptions(), context(tmp_path))

    def test_leaves_out_what_the_product_does_not_say(self) -> None:
        assert len(self.run(product(brand=""))) == len(self.run(product())) - 1

    def test_braces_in_a_title_are_text(self) -> None:
        assert "{brand}" in self.run(product(title="Cup {brand}"))[0].text
