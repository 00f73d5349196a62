"""What the stand-in answers when nothing is to go wrong, and how an answer looks on the wire."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gemini_server.request import Ask, Frame, tokens

Answers = Literal["offline", "canned"]
"""canned: always the same questions. offline: by the model of the plugin `offline`, from the facts in the prompt."""

_CACHED = 10_000
_THOUGHT = "**Reading the product**\n\nI look at what the product is, who buys it and what they would ask."
_SIGNATURE = "AQID"

_TOPICS = (
    "battery life",
    "warranty",
    "size",
    "weight",
    "material",
    "cleaning",
    "set-up",
    "noise",
    "price",
    "repair",
    "safety",
    "delivery",
    "packaging",
    "colour",
    "compatibility",
    "storage",
    "durability",
    "comfort",
    "energy use",
    "origin",
)
_PATTERNS = (
    "What should I know about the {} before buying this product?",
    "How does the {} of this product compare with that of other brands?",
    "What do owners say about the {} after a year?",
    "Which alternatives are better when it comes to {}?",
    "Who should not buy this product because of its {}?",
)


@dataclass(frozen=True, slots=True)
class Made:
    """An answer but for its usage. lead: JSON members up to there. thoughts, output: tokens."""

    lead: bytes
    output: int
    thoughts: int
    finish: str


class Author:
    """Answers are kept, so that a request that comes again costs little."""

    def __init__(self, answers: Answers, questions: int, seed: int) -> None:
        self.answers = answers
        self.questions = questions
        self._made: dict[str | bytes, Made] = {}
        self._offline = _offline(seed) if answers == "offline" else None

    def made(self, ask: Ask) -> Made:
        at = ask.key if self._offline else ask.frame.canonical
        made = self._made.get(at)
        if made is None:
            made = written(self.text(ask), ask.frame)
            if len(self._made) >= _CACHED:
                self._made.clear()
            self._made[at] = made
        return made

    def text(self, ask: Ask) -> str:
        text = self._whole_text(ask)
        return text[len(text) // 2 :] if ask.frame.token else text

    def _whole_text(self, ask: Ask) -> str:
        if self._offline is not None and (said := _asked(self._offline, ask)):
            return said
        schema = ask.frame.schema
        if schema is not None:
            return json.dumps(filled(schema, schema, self.questions), ensure_ascii=False)
        questions = [question(number) for number in range(self.questions)]
        return json.dumps({"questions": questions}) if ask.frame.json_mode else numbered(questions)


def numbered(questions: list[str]) -> str:
    return "\n".join(f"{number}. {text}" for number, text in enumerate(questions, 1))


def question(number: int) -> str:
    """One of 100 questions; they differ, and end with a question mark."""
    pattern, topic = divmod(number, len(_TOPICS))
    return _PATTERNS[pattern % len(_PATTERNS)].format(_TOPICS[topic])


def filled(schema: Mapping[str, Any], root: Mapping[str, Any], count: int, number: int = 0, depth: int = 0) -> Any:
    """A value that a JSON Schema takes. Arrays have `count` items, as far as the schema lets them."""
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][number % len(schema["enum"])]
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    if kind == "object":
        parts = schema.get("properties", {})
        return {name: filled(part, root, count, number, depth + 1) for name, part in parts.items()} if depth < 8 else {}
    if kind == "array":
        size = max(min(count, int(schema.get("maxItems", count))), int(schema.get("minItems", 0)))
        return [filled(schema.get("items", {}), root, 2, at, depth + 1) for at in range(size)] if depth < 8 else []
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    return {"boolean": True, "null": None}.get(kind, question(number))


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(16):
        if "$ref" in schema:
            found: Any = root
            for part in schema["$ref"].removeprefix("#").strip("/").split("/"):
                found = found.get(part, {}) if part else found
            schema = found
        elif schema.get("anyOf") or schema.get("oneOf"):
            options = schema.get("anyOf") or schema["oneOf"]
            schema = next((option for option in options if option.get("type") not in ("null", "NULL")), options[0])
        else:
            break
    return schema


def written(text: str, frame: Frame, finish: str = "STOP", **more: Any) -> Made:
    """An answer with this text, cut where the request's limit of tokens is reached. Thoughts count for it, too."""
    room = frame.limit - frame.thoughts
    if room <= 0:
        return without_text("MAX_TOKENS", thoughts=frame.limit, content={"role": "model"})
    if tokens(len(text)) > room:
        text, finish = text[: room * 4], "MAX_TOKENS"
    part: dict[str, Any] = {"text": text}
    if frame.thoughts:
        part["thoughtSignature"] = _SIGNATURE
    shown = frame.show_thoughts and frame.thoughts
    parts = [{"text": _THOUGHT, "thought": True}, part] if shown else [part]
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0, **more}
    return Made(_lead([candidate]), tokens(len(text)), frame.thoughts, finish)


def without_text(finish: str, *, thoughts: int = 0, **more: Any) -> Made:
    return Made(_lead([{"finishReason": finish, "index": 0, **more}]), 0, thoughts, finish)


def _lead(candidates: list[dict[str, Any]]) -> bytes:
    return b'"candidates":%b,' % json.dumps(candidates, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def body(made: Made, ask: Ask, number: int) -> bytes:
    """The answer's JSON. number: makes its id another than that of all other answers."""
    frame, size = ask.frame, ask.size
    usage = b'"promptTokenCount":%d,' % size
    if made.output:
        usage += b'"candidatesTokenCount":%d,' % made.output
    usage += b'"totalTokenCount":%d,' % (size + made.output + made.thoughts)
    if frame.cached:
        details = b'[{"modality":"TEXT","tokenCount":%d}]' % frame.cached
        usage += b'"cachedContentTokenCount":%d,"cacheTokensDetails":%b,' % (frame.cached, details)
    if made.thoughts:
        usage += b'"thoughtsTokenCount":%d,' % made.thoughts
    model = frame.model
    return (
        b'{%b"usageMetadata":{%b"promptTokensDetails":[{"modality":"TEXT","tokenCount":%d}],"serviceTier":"%b"},%b'
        % (
            made.lead,
            usage,
            size,
            frame.tier.encode(),
            f'"modelVersion":"{model.runs or model.name}","responseId":"{ask.key[:16]}-{number}"}}'.encode(),
        )
    )


def _offline(seed: int) -> Any:
    from querygen_offline.model import OfflineModel
    from querygen_offline.options import OfflineOptions

    return OfflineModel(OfflineOptions(seed=seed))


def _asked(model: Any, ask: Ask) -> str:
    """What querygen_offline answers, "" if it cannot: it only knows schemas with `questions`."""
    from querygen_core.api import ProviderError, Request

    frame = ask.frame
    try:
        request = Request(model="offline", prompt=ask.prompt, system=frame.system, schema=frame.schema)
        text = _at_once(model.complete(request)).text
    except ProviderError:
        return ""
    if frame.schema is not None:
        return str(text)
    lines = text.splitlines()
    return json.dumps({"questions": lines}, ensure_ascii=False) if frame.json_mode else numbered(lines)


def _at_once(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never really waits."""
    try:
        while True:
            work.send(None)
    except StopIteration as end:
        return end.value
