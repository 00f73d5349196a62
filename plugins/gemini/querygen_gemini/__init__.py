"""Google's Gemini models, through AI Studio or Vertex AI."""

from __future__ import annotations

from collections.abc import Iterable

from querygen_core.api import Component, Context, Provider, hookimpl
from querygen_gemini.options import GeminiOptions

querygen_api = 1


def build_api(options: GeminiOptions, context: Context) -> Provider:  # noqa: ARG001 - every builder takes a context
    from querygen_gemini.model import GeminiModel

    return GeminiModel(options)


@hookimpl
def querygen_providers() -> Iterable[Component[GeminiOptions, Provider]]:
    return [Component("api", GeminiOptions, build_api, "Asks a Gemini model through AI Studio or Vertex AI")]
