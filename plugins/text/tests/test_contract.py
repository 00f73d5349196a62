from __future__ import annotations

from pathlib import Path

from querygen_core.api import Postprocessor
from querygen_core.testing import PluginContract, PostprocessorContract, context
from querygen_text import (
    DedupOptions,
    QualityOptions,
    StandardiseOptions,
    build_dedup,
    build_quality,
    build_standardise,
)


class TestPlugin(PluginContract):
    package = "querygen_text"


class TestStandardise(PostprocessorContract):
    def build(self, tmp_path: Path) -> Postprocessor:
        return build_standardise(StandardiseOptions(), context(tmp_path))


class TestQuality(PostprocessorContract):
    def build(self, tmp_path: Path) -> Postprocessor:
        return build_quality(QualityOptions(), context(tmp_path))


class TestDedup(PostprocessorContract):
    def build(self, tmp_path: Path) -> Postprocessor:
        return build_dedup(DedupOptions(), context(tmp_path))
