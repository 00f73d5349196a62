"""What an error of the SDK means. Nothing of the SDK's own errors is kept: the key is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2
from google.genai import errors

from querygen_core.api import ProviderError

ProviderFailure = Literal["retry", "throttled", "quota", "bad_request", "auth"]

_DELAY = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")
_KEY = re.compile(r"AIza[0-9A-Za-z_-]{8,}|(?<=api_key:)[^\s'\"]+")
_MASK = "***"
_LONGEST = 300
_LONGEST_WAIT = 24 * 3600.0
_UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


def provider_error(error: Exception, secret: str) -> ProviderError | None:
    """The error as the engine knows it; None if it is none that a call can meet. secret: must not show."""
    if isinstance(error, errors.APIError):
        return _api_error(error, secret)
    if isinstance(error, httpx2.TransportError):
        return _transport_error(error, secret)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | errors.UnknownApiResponseError):
        return ProviderError("bad_answer", "gemini: an answer that is no JSON", indeterminate=True)
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
        return ProviderError("retry", f"gemini: {type(error).__name__}", indeterminate=True)
    return None


def _transport_error(error: httpx2.TransportError, secret: str) -> ProviderError:
    """A request that never left cannot have been paid for."""
    name = type(error).__name__
    said = clean(str(error), secret)
    message = f"gemini: {name}: {said}" if said else f"gemini: {name}"
    return ProviderError("retry", message, indeterminate=not isinstance(error, _UNSENT))


def _api_error(error: errors.APIError, secret: str) -> ProviderError:
    details = list(_details(error))
    kind = _kind(error, details)
    message = clean(str(error.message or ""), secret) or "no message"
    status = f"{error.code} {error.status}" if error.status else str(error.code)
    wait = _wait(error, details) if kind in ("throttled", "retry") else None
    return ProviderError(kind, f"gemini {status}: {message}{_advice(error, kind)}", retry_after=wait)


def _kind(error: errors.APIError, details: Sequence[Mapping[str, Any]]) -> ProviderFailure:
    code, status = error.code, str(error.status or "")
    if code == 429:
        return "quota" if _is_for_long(details, str(error.message or "")) else "throttled"
    if code == 401 or any(one.get("reason") in ("API_KEY_INVALID", "API_KEY_EXPIRED") for one in details):
        return "auth"
    if code == 403:
        return "auth"
    if code == 503 or status == "UNAVAILABLE":
        return "throttled"
    if code == 402:
        return "quota"
    if code in (408, 409, 425) or code >= 500 or status in ("DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"):
        return "retry"
    return "bad_request"


def _details(error: errors.APIError) -> Iterator[Mapping[str, Any]]:
    """What Google adds to an error: the SDK keeps the whole body under this name."""
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else None
    found = inner.get("details") if isinstance(inner, dict) else None
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def _is_for_long(details: Sequence[Mapping[str, Any]], message: str) -> bool:
    """A quota per day, or of money: waiting a minute does not help."""
    violations = (
        violation for one in details for violation in one.get("violations") or () if isinstance(violation, dict)
    )
    ids = [str(found.get("quotaId") or found.get("quota_id") or "") for found in violations]
    return any("PerDay" in quota or "Spend" in quota for quota in ids) or "per day" in message.lower()


def _wait(error: errors.APIError, details: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds that the provider asks for: the larger of its two ways to say it."""
    asked = [wait for one in details if (wait := _delay(one.get("retryDelay"))) is not None]
    headers = getattr(error.response, "headers", None) or {}
    after = _retry_after(str(headers.get("retry-after") or ""))
    return max([*asked, *([after] if after is not None else [])], default=None)


def _delay(text: object) -> float | None:
    found = _DELAY.fullmatch(text) if isinstance(text, str) else None
    return _bounded(float(found[1])) if found else None


def _retry_after(text: str) -> float | None:
    """Seconds or a date. What is neither says nothing."""
    try:
        return _bounded(float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _bounded((moment - datetime.now(UTC)).total_seconds())


def _bounded(seconds: float) -> float | None:
    return min(max(0.0, seconds), _LONGEST_WAIT) if seconds == seconds else None  # noqa: PLR0124 - not for NaN


def _advice(error: errors.APIError, kind: ProviderFailure) -> str:
    if kind == "auth":
        return "; check api_key, and that the API is enabled for its project"
    if kind == "quota":
        return "; wait for the quota to be renewed or raise it, then run again"
    if error.code == 404:
        return "; check model and api_version"
    return ""


def clean(text: str, secret: str) -> str:
    """One line without the key: Google itself puts it into the text of some errors."""
    hidden = text.replace(secret, _MASK) if secret else text
    line = " ".join(_KEY.sub(_MASK, hidden).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
