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
    """The key is sent to this address: never to a metadata service, never unencrypted across a network."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL; it should be like https://host or https://host/path") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise ValueError("should be like https://host or https://host/path, without user, query or fragment")
    if host in _METADATA_NAMES or _is_metadata(host):
        raise ValueError("is a metadata or link-local address, to which the key is not sent")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("should be https: http would send the key unencrypted and is for servers on this machine only")
    return url.rstrip("/")


def _parse_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host stands for; None for a name. Reads the notations that resolvers accept, too.

    `2852039166`, `0xa9fea9fe` and `0251.0376.0251.0376` are all 169.254.169.254, which `ipaddress` alone would miss.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass  # it may be an address in another notation
    try:
        parts = [
            int(part, 0 if part[:2].lower() == "0x" else 8 if part[:1] == "0" and part != "0" else 10)
            for part in host.split(".")
        ]
    except ValueError:
        return None
    if len(parts) > 4 or any(part < 0 for part in parts):
        return None
    *first, last = parts
    if any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        return None
    value = sum(part << (24 - 8 * index) for index, part in enumerate(first)) + last
    return ipaddress.ip_address(value)


def _is_metadata(host: str) -> bool:
    address = _parse_address(host)
    if address is None:
        return False
    target = getattr(address, "ipv4_mapped", None) or address  # ::ffff:169.254.169.254 is reached over IPv4
    return target.is_link_local or target in _METADATA_ADDRESSES or target.is_unspecified or target.is_multicast


def _is_loopback(host: str) -> bool:
    address = _parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
Thinking = Literal["minimal", "low", "medium", "high", "xhigh"]


class Prices(Options):
    """The price of a model, in USD per million tokens."""

    input: float = Field(ge=0, description="USD per million input tokens.")
    output: float = Field(ge=0, description="USD per million output tokens, thinking included.")
    cached: float | None = Field(
        None, ge=0, description="USD per million cached input tokens; default: as other input."
    )


class GeminiOptions(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"api_key", "backend", "project", "location", "base_url", "proxy", "api_version", "timeout", "prices"}
    )

    model: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9]+([._/-]?[A-Za-z0-9]+)*$",
        description="Model name, such as `gemini-3.5-flash-lite`.",
    )
    api_key: Secret | None = Field(
        None,
        description="API key, best as `${secret:…}`. Default, on Vertex AI only: the machine's identity.",
    )
    backend: Literal["ai-studio", "vertex"] = Field("ai-studio", description="Service that runs the model.")
    project: str | None = Field(None, min_length=1, description="Google Cloud project; for Vertex AI only.")
    location: str | None = Field(
        None, min_length=1, description="Region, such as `europe-west4` or `global`; for Vertex AI only."
    )
    base_url: BaseUrl | None = Field(
        None,
        description="API address: https, or http on localhost. Default: Google's. Environment variables are ignored.",
    )
    proxy: str | None = Field(
        None,
        pattern=r"^https?://[^/]+$",
        description="HTTP proxy, as `http://host:port`, or with a name and a password: "
        "`http://me:${secret:env:PROXY_PASSWORD}@host:port`. Default: none. Environment variables are ignored.",
    )
    api_version: str | None = Field(
        None,
        pattern=r"^v[0-9]+(alpha|beta)?[0-9]*$",
        description="API version. Default: `v1`, on Vertex AI `v1beta1`; names ending in `-latest` need `v1beta`.",
    )
    timeout: float = Field(120, ge=1, le=3600, description="Time limit for one call, in seconds.")
    thinking: Thinking | int | None = Field(
        "low",
        description="Thinking level, paid as output tokens. A number is a budget in tokens, for models before "
        "Gemini 3; null leaves it to the model.",
    )
    temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        description="Sampling temperature. Default: the prompt's, else the model's own, which Google recommends.",
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="Nucleus sampling. Default: the prompt's, else the model's own."
    )
    seed: int | None = Field(
        None,
        ge=-(2**31),
        lt=2**31,
        description="Seed of the sampling, for reproducible answers, which Google does not guarantee.",
    )
    max_output_tokens: int | None = Field(
        None, ge=1, le=1_000_000, description="Limit in tokens, thinking included. Default: the prompt's, else 16384."
    )
    schema_field: Literal["json_schema", "schema", "none"] = Field(
        "json_schema",
        description="Request field for the answer's schema: `response_json_schema`, the older "
        "`response_schema`, or neither.",
    )
    service_tier: Literal["standard", "flex", "priority"] | None = Field(
        None, description="Service tier: `flex` costs less and is slower, `priority` costs more and is faster."
    )
    prices: Prices | None = Field(None, description="Price of a model that is not in the shipped price table.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict, description="Fields merged into the body of each request, for what is not an option here."
    )

    @model_validator(mode="after")
    def _check_backend(self) -> Self:
        if self.backend == "ai-studio" and self.api_key is None:
            raise ValueError("api_key is required with backend: ai-studio")
        if self.backend == "ai-studio" and (self.project or self.location):
            raise ValueError("project and location are for backend: vertex only; remove them")
        if self.backend == "vertex" and (self.api_key is None) != bool(self.project and self.location):
            raise ValueError("backend: vertex needs project and location, or an api_key and neither of them")
        return self
