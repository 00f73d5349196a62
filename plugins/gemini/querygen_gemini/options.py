"""The options of `gemini/api`."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from querygen_core.api import Options, Secret

_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
_METADATA_ADDRESSES = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200")})


def _check_base_url(url: str) -> str:
    """The key goes there: never to where machines keep their own credentials, never in clear across a network."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        raise ValueError("is no URL; it should be like https://host or https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise ValueError("should be like https://host or https://host/path, without user, query or fragment")
    if host in _METADATA_NAMES or _is_metadata(host):
        raise ValueError("is a metadata or link-local address; the key is not sent there")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("should be https: http would send the key in clear; it is for servers on this machine only")
    return url.rstrip("/")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Also where it is written as one number, in hex or octal, as resolvers take it."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        parts = [int(part, 0 if part[:2].lower() == "0x" else 8 if part[:1] == "0" and part != "0" else 10)
                 for part in host.split(".")]  # fmt: skip
    except ValueError:
        return None
    if len(parts) > 4 or any(part < 0 for part in parts):
        return None
    *first, last = parts
    if any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        return None
    value = sum(part << (24 - 8 * place) for place, part in enumerate(first)) + last
    return ipaddress.ip_address(value)


def _is_metadata(host: str) -> bool:
    address = _address(host)
    if address is None:
        return False
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner.is_link_local or inner in _METADATA_ADDRESSES or inner.is_unspecified or inner.is_multicast


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
Thinking = Literal["minimal", "low", "medium", "high", "xhigh"]


class Prices(Options):
    """USD per million tokens."""

    input: float = Field(ge=0, description="USD per million input tokens.")
    output: float = Field(ge=0, description="USD per million output tokens, thinking included.")
    cached: float | None = Field(None, ge=0, description="USD per million cached input tokens; default: as input.")


class GeminiOptions(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"api_key", "backend", "project", "location", "base_url", "proxy", "api_version", "timeout", "prices"}
    )

    model: str = Field(
        min_length=1, pattern=r"^[A-Za-z0-9]+([._/-]?[A-Za-z0-9]+)*$", description="`gemini-3.5-flash-lite`, …"
    )
    api_key: Secret | None = Field(
        None, description="Best as `${secret:…}`. Needed for AI Studio; Vertex AI can do with the machine's identity."
    )
    backend: Literal["ai-studio", "vertex"] = Field("ai-studio", description="Who serves the model.")
    project: str | None = Field(None, min_length=1, description="Google Cloud project, for Vertex AI.")
    location: str | None = Field(None, min_length=1, description="Region, for Vertex AI: `europe-west4`, `global`.")
    base_url: BaseUrl | None = Field(
        None, description="Another address than Google's: https, or http on this machine. Never taken from elsewhere."
    )
    proxy: str | None = Field(
        None, pattern=r"^https?://[^/]+$", description="Through which HTTP proxy calls go: `http://host:port`. The "
        "environment's proxies do not count."
    )  # fmt: skip
    api_version: str | None = Field(
        None, pattern=r"^v[0-9]+(alpha|beta)?[0-9]*$",
        description="Default: `v1`, on Vertex AI `v1beta1`. The `-latest` names need `v1beta`.",
    )  # fmt: skip
    timeout: float = Field(120, ge=1, le=3600, description="Seconds that one call may take in all.")
    thinking: Thinking | int | None = Field(
        "low", description="How much the model thinks, which is paid as output; a number is a budget in tokens, for "
        "models before Gemini 3; null leaves it to the model."
    )  # fmt: skip
    temperature: float | None = Field(
        None, ge=0, le=2, description="Default: the prompt's, else the model's own, which Google recommends."
    )
    top_p: float | None = Field(None, gt=0, le=1, description="Default: the prompt's, else the model's own.")
    seed: int | None = Field(None, ge=-(2**31), lt=2**31, description="Asks for the same answer again; no promise.")
    max_output_tokens: int | None = Field(
        None, ge=1, le=1_000_000, description="Thinking included. Default: the prompt's, else 16384."
    )
    schema_field: Literal["json_schema", "schema", "none"] = Field(
        "json_schema", description="How the answer's shape is asked for: `response_json_schema`, the older "
        "`response_schema`, or not at all."
    )  # fmt: skip
    service_tier: Literal["standard", "flex", "priority"] | None = Field(None, description="Price against speed.")
    prices: Prices | None = Field(None, description="For a model whose price is not known here.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Merged into the body of each request, for what is not an option yet."
    )

    @model_validator(mode="after")
    def _check_backend(self) -> Self:
        if self.backend == "ai-studio" and self.api_key is None:
            raise ValueError("api_key is needed with backend: ai-studio")
        if self.backend == "ai-studio" and (self.project or self.location):
            raise ValueError("project and location are for backend: vertex")
        if self.backend == "vertex" and (self.api_key is None) != bool(self.project and self.location):
            raise ValueError("backend: vertex needs project and location, or an api_key and neither of them")
        return self
