"""yourname/model: a model behind an HTTP API that speaks JSON. Declares it; `client.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Options, Provider, Secret, hookimpl

querygen_api = 1


class ModelOptions(Options):
    # These cannot change an answer, so changing them must not make querygen ask (and pay) again.
    not_in_key = frozenset({"base_url", "timeout"})

    model: str = Field(min_length=1, description="Model id, as the API knows it.")
    api_key: Secret = Field(description="Key that is sent as a bearer token.")
    base_url: str = Field(
        default="http://localhost:8000/v1",
        pattern=r"^https?://\S+[^/]$",
        description="Address of the API, without /chat/completions.",
    )
    max_output_tokens: int = Field(
        default=16_384, ge=1, description="Longest answer, in tokens."
    )
    timeout: float = Field(
        default=60, gt=0, description="Seconds to wait for an answer."
    )


def build_model(options: ModelOptions, _context: Context) -> Provider:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.client import Client

    return Client(options)


@hookimpl
def querygen_providers() -> list[Component[ModelOptions, Provider]]:
    return [
        Component(
            "model",
            ModelOptions,
            build_model,
            "Asks a model behind a chat completions API",
        )
    ]
