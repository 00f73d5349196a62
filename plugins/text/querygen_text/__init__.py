"""Repair, quality rules and deduplication for the questions of one product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from querygen_core.api import Component, Context, Postprocessor, hookimpl
from querygen_text.options import DedupOptions, QualityOptions, StandardiseOptions

querygen_api = 1


def build_standardise(options: StandardiseOptions, context: Context) -> Postprocessor:  # noqa: ARG001 - as all builders
    from querygen_text.standardise import Standardise

    return Standardise(options)


def build_quality(options: QualityOptions, context: Context) -> Postprocessor:  # noqa: ARG001 - as all builders
    from querygen_text.quality import Quality

    return Quality(options)


def build_dedup(options: DedupOptions, context: Context) -> Postprocessor:  # noqa: ARG001 - as all builders
    from querygen_text.dedup import Dedup

    return Dedup(options)


@hookimpl
def querygen_postprocessors() -> Iterable[Component[Any, Postprocessor]]:
    return (
        Component(
            "standardise", StandardiseOptions, build_standardise, "Repairs the text of questions and punctuates it"
        ),
        Component("quality", QualityOptions, build_quality, "Drops unusable questions by named rules"),
        Component("dedup", DedupOptions, build_dedup, "Drops duplicate questions within one product"),
    )
