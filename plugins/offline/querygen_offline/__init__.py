"""A deterministic stand-in for a language model: no key, no network, no cost."""

from __future__ import annotations

from collections.abc import Iterable

from querygen_core.api import Component, Context, Provider, hookimpl
from querygen_offline.options import OfflineOptions

querygen_api = 1


def build_model(options: OfflineOptions, context: Context) -> Provider:  # noqa: ARG001 - every builder takes a context
    from querygen_offline.model import OfflineModel

    return OfflineModel(options)


@hookimpl
def querygen_providers() -> Iterable[Component[OfflineOptions, Provider]]:
    summary = "Writes questions from templates and a product's own facts, without a language model"
    return [Component("model", OfflineOptions, build_model, summary)]
