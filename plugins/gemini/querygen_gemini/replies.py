"""What an answer comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from querygen_core.api import ProviderError, Response, Usage

_BLOCKED = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "ESCALATION",
    "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
})  # fmt: skip
_CUT = frozenset({"MAX_TOKENS", "CONTINUATION"})
_WHOLE = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", ""})

Finish = Literal["stop", "length", "blocked", "other"]


def read_reply(body: str) -> Response:
    """The answer as it is to be kept, also one that was blocked, cut before it began or is empty: it was paid for.

    Raises:
        ProviderError: `bad_answer`; it is no JSON object.
    """
    try:
        reply = json.loads(body)
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        raise ProviderError("bad_answer", "gemini: an answer that is no JSON object", indeterminate=True)
    usage = _usage(_object(reply, "usageMetadata"))
    candidates = reply.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(candidate, dict):
        why = _word(_object(reply, "promptFeedback"), "blockReason")
        return _response(reply, "", "blocked" if why else "other", why, usage)
    reason = _word(candidate, "finishReason")
    text = _text(candidate)
    if reason in _CUT and not text.strip():
        thought = f"after {usage.thinking or 0} tokens of thinking"
        reason = f"{reason} {thought} and before any text; raise max_output_tokens or lower thinking"
        return _response(reply, "", "length", reason, usage)
    return _response(reply, text, _finish(reason), "" if reason in _WHOLE else reason, usage)


def _finish(reason: str) -> Finish:
    if reason in _BLOCKED:
        return "blocked"
    if reason in _CUT:
        return "length"
    return "stop" if reason in _WHOLE else "other"


def _response(reply: Mapping[str, Any], text: str, finish: Finish, reason: str, usage: Usage) -> Response:
    return Response(
        text=text, finish=finish, reason=reason, usage=usage,
        model_version=_word(reply, "modelVersion"), response_id=_word(reply, "responseId"),
    )  # fmt: skip


def _text(candidate: Mapping[str, Any]) -> str:
    """All parts but those in which the model thinks aloud."""
    parts = _object(candidate, "content").get("parts")
    said = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "".join(_word(part, "text") for part in said if part.get("thought") is not True)


def _usage(used: Mapping[str, Any]) -> Usage:
    return Usage(
        input=_count(used, "promptTokenCount"),
        output=_count(used, "candidatesTokenCount"),
        thinking=_count(used, "thoughtsTokenCount"),
        cached=_count(used, "cachedContentTokenCount"),
    )


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = given.get(name)
    return found if isinstance(found, dict) else {}


def _word(given: Mapping[str, Any], name: str) -> str:
    found = given.get(name)
    return found if isinstance(found, str) else ""


def _count(given: Mapping[str, Any], name: str) -> int | None:
    found = given.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None
