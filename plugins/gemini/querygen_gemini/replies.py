"""What an answer of the SDK comes to."""

from __future__ import annotations

from typing import Any, Literal

from google.genai.types import GenerateContentResponse

from querygen_core.api import Response, Usage

_BLOCKED = frozenset({
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "ESCALATION",
    "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
})  # fmt: skip
_CUT = frozenset({"MAX_TOKENS", "CONTINUATION"})
_WHOLE = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", ""})

Finish = Literal["stop", "length", "blocked", "other"]


def read_reply(reply: GenerateContentResponse) -> Response:
    """The answer as it is to be kept, also one that was blocked, cut before it began or is empty: it was paid for."""
    usage = _usage(reply)
    candidate = reply.candidates[0] if reply.candidates else None
    if candidate is None:
        return _response(reply, "", "blocked" if (why := _block_reason(reply)) else "other", why, usage)
    reason = _name(candidate.finish_reason)
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


def _response(reply: GenerateContentResponse, text: str, finish: Finish, reason: str, usage: Usage) -> Response:
    return Response(
        text=text, finish=finish, reason=reason, usage=usage,
        model_version=reply.model_version or "", response_id=reply.response_id or "",
    )  # fmt: skip


def _text(candidate: Any) -> str:
    """All parts but those in which the model thinks aloud."""
    parts = (candidate.content.parts if candidate.content else None) or ()
    return "".join(part.text for part in parts if part.text and not part.thought)


def _block_reason(reply: GenerateContentResponse) -> str:
    return _name(reply.prompt_feedback.block_reason) if reply.prompt_feedback else ""


def _name(value: Any) -> str:
    """Of an enum; the SDK makes new members of what it does not know."""
    return str(getattr(value, "name", value) or "")


def _usage(reply: GenerateContentResponse) -> Usage:
    used = reply.usage_metadata
    if used is None:
        return Usage()
    return Usage(
        input=used.prompt_token_count,
        output=used.candidates_token_count,
        thinking=used.thoughts_token_count,
        cached=used.cached_content_token_count,
    )
