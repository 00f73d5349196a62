"""Classifies the SDK's errors for the engine. No SDK error is kept or chained: it may hold the API key."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2
from google.genai import errors

from querygen_core.api import ProviderError, quota_lasts
from querygen_gemini.dedicated_connections import AnswerTooLargeError

ProviderFailure = Literal["retry", "throttled", "quota", "bad_request", "auth"]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")
_API_KEY = re.compile(r"AIza[0-9A-Za-z_-]{8,}|(?<=api_key:)[^\s'\"]+")
_BAD_KEY_REASONS = ("API_KEY_INVALID", "API_KEY_EXPIRED")
_QUOTA_WORDS = ("quotaId", "quota_id", "description", "subject")  # of google.rpc.QuotaFailure
_MASK = "***"
_MAX_MESSAGE = 300
_MAX_WAIT_SECONDS = 24 * 3600.0
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


def provider_error(error: Exception, secret: str) -> ProviderError | None:
    """The error in the engine's terms; None if it is not an error that a call can cause.

    secret: the API key, which is masked in the message.
    """
    if isinstance(error, ProviderError):  # of an answer that could not be read
        return error
    if isinstance(error, errors.APIError):
        return _api_error(error, secret)
    if isinstance(error, httpx2.TransportError):
        return _transport_error(error, secret)
    if isinstance(error, AnswerTooLargeError):
        return ProviderError("bad_answer", f"gemini: {error}", indeterminate=True)
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | errors.UnknownApiResponseError):
        return ProviderError("bad_answer", "gemini: the answer is not valid JSON", indeterminate=True)
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL | httpx2.StreamError):
        return ProviderError("retry", f"gemini: {type(error).__name__}", indeterminate=True)
    return None


def _transport_error(error: httpx2.TransportError, secret: str) -> ProviderError:
    """A request that was never sent cannot have been paid for; any other may have been."""
    name = type(error).__name__
    detail = mask_secret(str(error), secret)
    message = f"gemini: {name}: {detail}" if detail else f"gemini: {name}"
    return ProviderError("retry", message, indeterminate=not isinstance(error, _NEVER_SENT))


def _api_error(error: errors.APIError, secret: str) -> ProviderError:
    details = list(_error_details(error))
    kind = _classify(error, details)
    message = mask_secret(str(error.message or ""), secret) or "no message"
    status = f"{error.code} {error.status}" if error.status else str(error.code)
    wait = _requested_wait(error, details) if kind in ("throttled", "retry") else None
    return ProviderError(kind, f"gemini {status}: {message}{_advice(error, kind)}", retry_after=wait)


def _classify(error: errors.APIError, details: Sequence[Mapping[str, Any]]) -> ProviderFailure:
    code, status = error.code, str(error.status or "")
    if code in (400, 403, 429) and _is_quota(error, details):
        return "quota"
    if code == 429 or status == "RESOURCE_EXHAUSTED":
        return "throttled"
    if code == 401 or any(detail.get("reason") in _BAD_KEY_REASONS for detail in details):
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


def _error_details(error: errors.APIError) -> Iterator[Mapping[str, Any]]:
    """The objects in `error.details` of Google's answer. The SDK keeps the answer's whole body as `details`."""
    body = error.details
    status = body.get("error", body) if isinstance(body, dict) else None
    details = status.get("details") if isinstance(status, dict) else None
    yield from (detail for detail in (details if isinstance(details, list) else ()) if isinstance(detail, dict))


def _is_quota(error: errors.APIError, details: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a quota is used up that a retry within minutes does not renew: one per day, of money, or of 0."""
    # Of the refusals that are no 429 only those about accounts: the others may repeat words of the product.
    if error.code != 429 and error.status not in ("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"):
        return False
    violations = (
        violation for detail in details for violation in detail.get("violations") or () if isinstance(violation, dict)
    )
    words = [str(violation.get(name) or "") for violation in violations for name in _QUOTA_WORDS]
    quotas = [detail["metadata"] for detail in details if isinstance(detail.get("metadata"), dict)]
    words += [f"limit: {quota['quota_limit_value']}" for quota in quotas if "quota_limit_value" in quota]
    text = "\n".join([str(error.message or ""), *words])
    return "Spend" in text or quota_lasts(text, _requested_wait(error, details))


def _requested_wait(error: errors.APIError, details: Sequence[Mapping[str, Any]]) -> float | None:
    """Seconds to wait as Google asks, in the body's RetryInfo or the header Retry-After: the larger if they differ."""
    waits = [_parse_duration(detail.get("retryDelay")) for detail in details]
    headers = getattr(error.response, "headers", None) or {}
    waits.append(_parse_retry_after(str(headers.get("retry-after") or "")))
    return max((wait for wait in waits if wait is not None), default=None)


def _parse_duration(text: object) -> float | None:
    """Seconds in a protobuf duration such as `7.5s`."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return _clamp(float(match[1])) if match else None


def _parse_retry_after(text: str) -> float | None:
    """Seconds in a Retry-After header, which holds a number or a date; None if it is neither."""
    try:
        return _clamp(float(text))
    except ValueError:
        pass  # it may be a date
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _clamp((moment - datetime.now(UTC)).total_seconds())


def _clamp(seconds: float) -> float | None:
    """The wait within 0 and a day; None for NaN, which `float` accepts as a number."""
    return None if math.isnan(seconds) else min(max(0.0, seconds), _MAX_WAIT_SECONDS)


def _advice(error: errors.APIError, kind: ProviderFailure) -> str:
    if kind == "auth":
        return "; check api_key, and whether the API is enabled for its project"
    if kind == "quota":
        return "; wait for the quota to be renewed or raise it, then run again"
    if error.code == 404:
        return "; check model and api_version"
    return ""


def mask_secret(text: str, secret: str) -> str:
    """The text on one line without the API key, which Google itself puts into some messages."""
    masked = text.replace(secret, _MASK) if secret else text
    line = " ".join(_API_KEY.sub(_MASK, masked).split())
    return line if len(line) <= _MAX_MESSAGE else f"{line[:_MAX_MESSAGE]}…"
