"""One call of a provider: bounded in time, and nothing but what the contract allows comes out of it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeGuard

from querygen_core.errors import CredentialsError, PluginError, ProviderError, QuerygenError
from querygen_core.masking import mask
from querygen_core.records import Request, Response, Usage

_FINISHES = ("stop", "length", "blocked", "other")


async def send(provider: Any, use: str, request: Request, seconds: float) -> Response:
    """The provider's answer; a refusal for its content is an answer too, and paid for.

    Raises:
        ProviderError: as the provider says, or `retry` if it takes longer. PluginError: it broke its contract.
    """
    try:
        async with asyncio.timeout(seconds):
            response = await provider.complete(request)
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        raise PluginError(f"provider {use!r} broke its contract: it cancelled itself") from None
    except TimeoutError:
        raise ProviderError("retry", f"no answer within {seconds:g} s", indeterminate=True) from None
    except ProviderError as error:
        if error.kind != "blocked":
            raise
        return Response(text="", finish="blocked", reason=mask(str(error)))
    except CredentialsError as error:
        raise ProviderError("retry" if error.transient else "auth", str(error)) from error
    except QuerygenError:
        raise
    except (Exception, SystemExit) as exc:
        raise PluginError(f"provider {use!r} broke its contract: {type(exc).__name__}: {exc}") from exc
    if not _is_response(response):
        raise PluginError(f"provider {use!r} broke its contract: it must return a Response, not {str(response)[:200]}")
    return response


def _is_response(given: object) -> TypeGuard[Response]:
    fields = (("text", str), ("reason", str), ("model_version", str), ("response_id", str), ("usage", Usage))
    return (
        isinstance(given, Response)
        and given.finish in _FINISHES
        and all(isinstance(getattr(given, name), kind) for name, kind in fields)
    )
