"""What tests send to the stand-in, and how they read what it says."""

from __future__ import annotations

from typing import Any

from gemini_client import Got

KEY = "AIzaTHE-KEY-OF-THE-TEST"
FLASH = "gemini-3.8-flash"
LITE = "gemini-3.5-flash-lite"
"""A model that does not think unless it is told to."""

HEADERS = {"x-goog-api-key": KEY}


def path(model: str = FLASH, action: str = "generateContent", version: str = "v1") -> str:
    return f"/{version}/models/{model}:{action}"


def asking(text: str = "What?", **config: Any) -> dict[str, Any]:
    return {"contents": [{"parts": [{"text": text}], "role": "user"}], "generationConfig": config}


def in_json(**schema: Any) -> dict[str, Any]:
    """The config for an answer by a JSON Schema."""
    return {"responseMimeType": "application/json", "responseJsonSchema": schema}


def error_of(got: Got) -> dict[str, Any]:
    error = dict(got.json["error"])
    assert error["code"] == got.status
    return error


def text_of(got: Got) -> str:
    assert got.status == 200, got.body
    parts = got.json["candidates"][0]["content"]["parts"]
    return "".join(part["text"] for part in parts if "thought" not in part)


def finish_of(got: Got) -> str:
    return str(got.json["candidates"][0]["finishReason"])
