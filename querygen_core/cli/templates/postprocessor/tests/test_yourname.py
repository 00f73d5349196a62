from __future__ import annotations

from pathlib import Path

from querygen_core.api import Postprocessor
from querygen_core.testing import PluginContract, PostprocessorContract, context, query

from querygen_yourname import LengthOptions, build_length


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestLength(PostprocessorContract):
    def build(self, tmp_path: Path) -> Postprocessor:
        return build_length(LengthOptions(max_words=5), context(tmp_path))

    def test_drops_what_is_too_long(self) -> None:
        kept, dropped = self.run(
            [query("Is it loud?"), query("Is it loud when the water boils?")]
        )
        assert (kept.dropped, dropped.dropped) == (None, "length/too_long")
