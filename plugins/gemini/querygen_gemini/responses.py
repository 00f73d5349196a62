"""Reads the body of a `generateContent` response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from google.genai import errors

from querygen_core.api import ProviderError, Response, Usage

# Google's finish reasons. One that is in none of the sets is reported as `other`.
_BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "LANGUAGE",
        "MODEL_ARMOR",
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    }
)
_CUT_OFF = frozenset({"MAX_TOKENS", "CONTINUATION"})
_COMPLETE = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", ""})

_MEMBERS = ("candidates", "promptFeedback", "usageMetadata")
_UNKNOWN_ERROR = 500  # counts as a fault of the server

Finish = Literal["stop", "length", "blocked", "other"]


def read_response(body: str) -> Response:
    """The answer with its finish and usage. One that was blocked, cut off or empty is no error: it was paid for.

    Raises:
        ProviderError: `bad_answer`: the body is not a JSON object, or holds nothing that Google answers with.
        errors.APIError: the body is an error, which a proxy may send under status 200.
    """
    response = _read_object(body)
    if "error" in response and not response.get("candidates"):
        raise _error(response["error"])
    if not any(name in response for name in _MEMBERS):
        raise ProviderError("bad_answer", "gemini: the answer holds no candidates", indeterminate=True)
    usage = _read_usage(_get_object(response, "usageMetadata"))
    candidates = response.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(candidate, dict):  # the prompt was blocked, or Google sent nothing
        block_reason = _get_text(_get_object(response, "promptFeedback"), "blockReason")
        return _to_response(response, "", "blocked" if block_reason else "other", block_reason, usage)
    reason = _get_text(candidate, "finishReason")
    text = _answer_text(candidate)
    if reason in _CUT_OFF and not text.strip():
        explanation = f"after {usage.thinking or 0} tokens of thinking and before any text"
        advice = "raise max_output_tokens or lower thinking"
        return _to_response(response, "", "length", f"{reason} {explanation}; {advice}", usage)
    return _to_response(response, text, _to_finish(reason), "" if reason in _COMPLETE else reason, usage)


def _read_object(body: str) -> Mapping[str, Any]:
    try:
        response = json.loads(body)
    except (ValueError, RecursionError):
        response = None
    if isinstance(response, list) and len(response) == 1:  # as Google wraps the errors of some of its servers
        response = response[0]
    if not isinstance(response, dict):
        raise ProviderError("bad_answer", "gemini: the answer is not a JSON object", indeterminate=True)
    return response


def _error(error: object) -> errors.APIError:
    """The error that a body tells, in the form in which the SDK raises those with a status of their own."""
    known = error if isinstance(error, dict) else {"message": str(error)}
    code = known.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else _UNKNOWN_ERROR
    return errors.APIError(code, {"error": {**known, "status": str(known.get("status") or "")}})


def _to_finish(reason: str) -> Finish:
    if reason in _BLOCKED:
        return "blocked"
    if reason in _CUT_OFF:
        return "length"
    return "stop" if reason in _COMPLETE else "other"


def _to_response(response: Mapping[str, Any], text: str, finish: Finish, reason: str, usage: Usage) -> Response:
    return Response(
        text=text,
        finish=finish,
        reason=reason,
        usage=usage,
        model_version=_get_text(response, "modelVersion"),
        response_id=_get_text(response, "responseId"),
    )


def _answer_text(candidate: Mapping[str, Any]) -> str:
    """The text of all parts except summaries of the model's thinking."""
    content = _get_object(candidate, "content").get("parts")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    return "".join(_get_text(part, "text") for part in parts if part.get("thought") is not True)


def _read_usage(metadata: Mapping[str, Any]) -> Usage:
    return Usage(
        input=_get_count(metadata, "promptTokenCount"),
        output=_get_count(metadata, "candidatesTokenCount"),
        thinking=_get_count(metadata, "thoughtsTokenCount"),
        cached=_get_count(metadata, "cachedContentTokenCount"),
    )


# The values of an answer are read leniently: a field of an unexpected type must not lose an answer that was paid for.


def _get_object(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = container.get(name)
    return value if isinstance(value, dict) else {}


def _get_text(container: Mapping[str, Any], name: str) -> str:
    value = container.get(name)
    return value if isinstance(value, str) else ""


def _get_count(container: Mapping[str, Any], name: str) -> int | None:
    value = container.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
