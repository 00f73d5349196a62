"""Answers in which something is wrong: what each fault of content makes of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gemini_server.answers import Made, numbered, without_text, written
from gemini_server.faults import draw
from gemini_server.request import Ask

_BLOCKED = ("PROHIBITED_CONTENT", "SAFETY", "BLOCKLIST", "OTHER")
_NO_CONTENT = {
    "recitation": "RECITATION",
    "prohibited": "PROHIBITED_CONTENT",
    "blocklist": "BLOCKLIST",
    "spii": "SPII",
    "language": "LANGUAGE",
    "other": "OTHER",
}


def flawed(fault: str, text: str, ask: Ask, seed: int) -> Made:
    """The answer with this fault of `CONTENT`. A request gets the same one each time."""
    number = draw(seed, ask.key, fault)
    if fault in _NO_CONTENT:
        return without_text(_NO_CONTENT[fault], thoughts=ask.frame.thoughts)
    if fault in _TEXTS:
        return written(_TEXTS[fault](text, number), ask.frame)
    return _OTHERS[fault](text, ask, number)


def _broken(text: str, number: float) -> str:
    """A missing comma, a stray backslash, a comma too many, or quotes of the wrong kind."""
    kinds: list[Callable[[str], str]] = [
        lambda text: text.replace('", "', '" "', 1) if '", "' in text else text[:-1],
        lambda text: text[: len(text) // 2] + "\\x" + text[len(text) // 2 :],
        lambda text: text[:-1].rstrip("]} ") + ",]}" + "}",
        lambda text: text.replace('"', "'"),
    ]
    return kinds[int(number * len(kinds))](text)


def _fewer(text: str, number: float) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        lines = [line.partition(". ")[2] for line in text.splitlines()]
        return numbered(lines[: max(1, len(lines) // 2)])
    return json.dumps(_halved(value), ensure_ascii=False)


def _halved(value: Any) -> Any:
    if isinstance(value, list):
        return value[: max(1, len(value) // 2)]
    return {name: _halved(item) for name, item in value.items()} if isinstance(value, dict) else value


def _cut(text: str, ask: Ask, number: float) -> Made:
    return written(text[: int(len(text) * (0.2 + 0.75 * number))], ask.frame, "MAX_TOKENS")


def _without_text(text: str, ask: Ask, number: float) -> Made:
    return without_text("MAX_TOKENS", thoughts=ask.frame.limit, content={"role": "model"})


def _blocked(text: str, ask: Ask, number: float) -> Made:
    reason = _BLOCKED[int(number * len(_BLOCKED))]
    return Made(b'"promptFeedback":{"blockReason":"%b"},' % reason.encode(), 0, 0, reason)


def _unsafe(text: str, ask: Ask, number: float) -> Made:
    rating = {"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}
    return without_text("SAFETY", thoughts=ask.frame.thoughts, safetyRatings=[rating])


def _malformed(text: str, ask: Ask, number: float) -> Made:
    return without_text("MALFORMED_RESPONSE", thoughts=ask.frame.thoughts, finishMessage="Malformed response.")


def _continued(text: str, ask: Ask, number: float) -> Made:
    """The first half. A request with the token gets the second."""
    if ask.frame.token:
        return written(text, ask.frame)
    return written(text[: len(text) // 2], ask.frame, "CONTINUATION", continuationToken="QUJD")


_TEXTS: dict[str, Callable[[str, float], str]] = {
    "broken_json": _broken,
    "fenced": lambda text, _: f"```json\n{text}\n```",
    "prose": lambda text, _: f"Sure! Here are the questions you asked for:\n\n{text}\n\nLet me know if you need more.",
    "fewer": _fewer,
}

_OTHERS: dict[str, Callable[[str, Ask, float], Made]] = {
    "cut": _cut,
    "no_text": _without_text,
    "blocked_prompt": _blocked,
    "safety": _unsafe,
    "empty": lambda _, __, ___: Made(b"", 0, 0, ""),
    "unknown_finish": lambda text, ask, _: written(text, ask.frame, "BRAND_NEW_REASON"),
    "continuation": _continued,
    "malformed_response": _malformed,
}
