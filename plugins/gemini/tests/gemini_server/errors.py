"""What Google says when it refuses: the words and the shape of its errors."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

from gemini_server.http_delivery import Reply
from gemini_server.wire_proto import Wrong

_RPC = "type.googleapis.com/google.rpc."
_SERVICE = "generativelanguage.googleapis.com"
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_INVALID_KEY = "API key not valid. Please pass a valid API key."

PLAIN = {
    "403": (403, "The caller does not have permission"),
    "404": (404, "Requested entity was not found."),
    "500": (
        500,
        (
            "An internal error has occurred. Please retry or report in "
            "https://developers.generativeai.google/guide/troubleshooting"
        ),
    ),
    "503": (503, "The model is overloaded. Please try again later."),
    "504": (504, "Deadline expired before operation could complete."),
}
"""Errors that say nothing but a status and a sentence."""


class Refused(Exception):
    """A request that gets an error for an answer. reply: that answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def error(
    code: int,
    message: str,
    details: Sequence[dict[str, Any]] = (),
    *,
    status: str = "",
    headers: Sequence[tuple[str, str]] = (),
) -> Reply:
    said: dict[str, Any] = {"code": code, "message": message, "status": status or _STATUS[code]}
    if details:
        said["details"] = list(details)
    return Reply(code, json.dumps({"error": said}, ensure_ascii=False).encode(), headers=headers)


def html(code: int, text: str, headers: Sequence[tuple[str, str]] = ()) -> Reply:
    return Reply(code, text.encode(), kind="text/html; charset=UTF-8", headers=headers)


def bad_gateway() -> Reply:
    return html(
        502,
        "<!DOCTYPE html>\n<html lang=en>\n<title>Error 502 (Server Error)!!1</title>\n<p><b>502.</b> <ins>That’s an "
        "error.</ins>\n<p>The server encountered a temporary error and could not complete your request.<p>Please try "
        "again in 30 seconds.  <ins>That’s all we know.</ins>\n",
    )


def invalid(message: str) -> Refused:
    return Refused(error(400, message))


def invalid_fields(wrong: Sequence[Wrong]) -> Refused:
    violations = [{"field": path, "description": text} if path else {"description": text} for path, text in wrong]
    details = {"@type": f"{_RPC}BadRequest", "fieldViolations": violations}
    return Refused(error(400, "\n".join(text for _, text in wrong), [details]))


def no_key() -> Refused:
    return Refused(
        error(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
            "other form of API consumer identity to call this API.",
        )
    )


def key_in_url() -> Refused:
    """Google takes it. This stand-in does not, so that a test sees who would write a key into logs."""
    reason = {"@type": f"{_RPC}ErrorInfo", "reason": "KEY_IN_URL", "domain": "gemini_server"}
    return Refused(error(400, "The API key is in the URL; send it in the header x-goog-api-key.", [reason]))


def no_token() -> Refused:
    info = _info("CREDENTIALS_MISSING", "googleapis.com", {"service": "aiplatform.googleapis.com"})
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return Refused(error(401, message, [info]))


def key_refused(key: str, state: str) -> Refused:
    """state: `revoked`, `suspended` or `leaked`."""
    if state == "suspended":
        message = f"Permission denied: Consumer 'api_key:{key}' has been suspended."
        where = {"consumer": "projects/123456789012", "service": _SERVICE, "containerInfo": f"api_key:{key}"}
        return Refused(error(403, message, [_info("CONSUMER_SUSPENDED", "googleapis.com", where), _localized(message)]))
    if state == "leaked":
        return Refused(error(403, "Your API key was reported as leaked. Please use another API key."))
    info = _info("API_KEY_INVALID", "googleapis.com", {"service": _SERVICE})
    return Refused(error(400, _INVALID_KEY, [info, _localized(_INVALID_KEY)]))


def no_such_model(name: str, version: str, action: str) -> Refused:
    return Refused(
        error(
            404,
            f"models/{name} is not found for API version {version}, or is not supported for {action}. Call ListModels "
            "to see the list of available models and their supported methods.",
        )
    )


def no_such_publisher_model(path: str) -> Refused:
    return Refused(
        error(
            404,
            f"Publisher Model `{path}` was not found or your project does not have access to it. Please ensure you are "
            "using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
        )
    )


def no_such_method() -> Refused:
    return Refused(error(404, "Method not found."))


def throttled(
    model: str, *, per: str = "PerMinute", value: int = 10, header: str = "", delay: str = "", metric: str = ""
) -> Reply:
    """A 429. header: of Retry-After; delay: of RetryInfo; either may be absent."""
    metric = metric or "generate_content_free_tier_requests"
    violation = {
        "quotaMetric": f"{_SERVICE}/{metric}",
        "quotaId": f"GenerateRequests{per}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(value),
    }
    link = {
        "description": "Learn more about Gemini API quotas",
        "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
    }
    details: list[dict[str, Any]] = [
        {"@type": f"{_RPC}QuotaFailure", "violations": [violation]},
        {"@type": f"{_RPC}Help", "links": [link]},
    ]
    message = "You exceeded your current quota, please check your plan and billing details."
    if delay:
        message += f"\nPlease retry in {delay}."
        details.append({"@type": f"{_RPC}RetryInfo", "retryDelay": delay})
    return error(429, message, details, headers=[("Retry-After", header)] if header else [])


def seconds(wait: float) -> str:
    """A duration as protobuf's JSON has it."""
    return f"{wait:.9f}".rstrip("0").rstrip(".") + "s"


def whole_seconds(wait: float) -> str:
    return str(math.ceil(wait))


def http_date(wait: float) -> str:
    return formatdate(math.ceil(time.time() + wait), usegmt=True)


def _info(reason: str, domain: str, metadata: dict[str, str]) -> dict[str, Any]:
    return {"@type": f"{_RPC}ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}


def _localized(message: str) -> dict[str, str]:
    return {"@type": f"{_RPC}LocalizedMessage", "locale": "en-US", "message": message}
