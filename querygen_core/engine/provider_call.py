"""One call of a provider: bounded in time, and nothing but what the contract allows comes out of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypeGuard

from querygen_core.api import Provider
from querygen_core.contracts.errors import CredentialsError, ProviderError
from querygen_core.contracts.quota import quota_lasts
from querygen_core.contracts.records import Request, Response, Usage
from querygen_core.registry import BuiltComponent
from querygen_core.secrets.masking import mask

LONGEST_TEXT = 1_000_000
"""Characters of an answer. No list of questions is as long; what comes behind is not even stored."""

_FINISHES = ("stop", "length", "blocked", "other")


async def send(provider: BuiltComponent[Provider], request: Request, seconds: float) -> Response:
    """The provider's answer. A request that is refused for its content counts as answered: it is paid for.

    Raises:
        ProviderError: as classified by the provider, but `quota` where it says that it throttles and waiting does not
        help; `retry` if it takes longer than `seconds`. PluginError: the provider broke its contract.
    """
    try:
        with provider.guard:
            response: object = await _complete(provider.instance, request, seconds)
    except ProviderError as error:
        # Stored like any answer, so that the same content is not sent, and perhaps paid for, again.
        if error.kind == "throttled" and quota_lasts(str(error), error.retry_after):
            raise ProviderError("quota", str(error), retry_after=error.retry_after) from error
        if error.kind != "blocked":
            raise
        return Response(text="", finish="blocked", reason=mask(str(error)))
    except CredentialsError as error:
        raise ProviderError("retry" if error.transient else "auth", str(error)) from error
    if not _is_response(response):
        raise provider.guard.violation(f"it must return a Response, not {str(response)[:200]}")
    return _bounded(response)


def _bounded(response: Response) -> Response:
    """The response, cut like one that reached the token limit if its text is too long to be an answer."""
    if len(response.text) <= LONGEST_TEXT:
        return response
    reason = f"its {len(response.text):,} characters are cut after {LONGEST_TEXT:,}"
    return replace(response, text=response.text[:LONGEST_TEXT], finish="length", reason=reason)


async def _complete(provider: Provider, request: Request, seconds: float) -> object:
    """The provider's own TimeoutError counts like ours: an SDK may raise it for a call that was sent."""
    try:
        async with asyncio.timeout(seconds):
            return await provider.complete(request)
    except TimeoutError:
        raise ProviderError("retry", f"no answer within {seconds:g} s", indeterminate=True) from None


def _is_response(value: object) -> TypeGuard[Response]:
    return (
        isinstance(value, Response)
        and value.finish in _FINISHES
        and all(isinstance(text, str) for text in (value.text, value.reason, value.model_version, value.response_id))
        and type(value.usage) is Usage
    )
