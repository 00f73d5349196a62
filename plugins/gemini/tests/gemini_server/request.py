"""A generateContent request, read and checked as Google would, and its key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from gemini_server import errors
from gemini_server.fields import messages
from gemini_server.models import THOUGHTS, Model
from gemini_server.wire_proto import Messages

CACHED_TOKENS = 4096
"""What a cached content counts, whichever it is; this stand-in keeps none."""

_FRAMES = 10_000
_CONTENTS_FIRST = re.compile(rb'\s*\{\s*"contents"\s*:\s*')
_DECODER = json.JSONDecoder()
_IN_REQUEST = "* GenerateContentRequest."


def tokens(characters: int) -> int:
    return -(-characters // 4)


@dataclass(frozen=True, slots=True)
class Frame:
    """All of a request but its contents. Many requests share one, so it is checked only once.

    schema: of the answer as JSON Schema, None for text. limit: of output tokens, thoughts included. thoughts: how many
    every answer takes. size: tokens without the contents. token: of a continuation.
    """

    canonical: bytes
    model: Model
    system: str
    schema: Mapping[str, Any] | None
    json_mode: bool
    limit: int
    thoughts: int
    show_thoughts: bool
    cached: int
    size: int
    tier: str
    token: str


@dataclass(frozen=True, slots=True)
class Ask:
    """key: of the canonical body and the model, the same for all ways of writing them. prompt: the contents' text."""

    key: str
    frame: Frame
    prompt: str
    size: int


class RequestReader:
    """Reads bodies. A frame that was found good is known again by its bytes, and not even parsed."""

    def __init__(self) -> None:
        self._frames: dict[tuple[str, str, bool, str], Frame] = {}

    def read(self, body: bytes, model: Model, version: str, *, vertex: bool) -> Ask:
        """The request.

        Raises:
            Refused: with Google's 400.
        """
        known = messages(version, vertex=vertex)
        contents, rest = _split(body)
        at = (model.name, version, vertex, rest)
        frame = self._frames.get(at)
        if frame is None:
            frame = self._frames[at] = self._frame(body, model, known)
        read, wrong = known.check("[Content]", contents, "contents")
        if wrong:
            raise errors.invalid_fields(wrong)
        texts = _texts(read)
        key = blake2b(frame.canonical, digest_size=16)
        key.update(_canonical(read))
        prompt = texts[0] if len(texts) == 1 else "\n".join(texts)
        size = frame.size + sum(map(tokens, map(len, texts)))
        if size > model.input_limit:
            raise errors.invalid(
                f"The input token count ({size}) exceeds the maximum number of tokens allowed ({model.input_limit})."
            )
        return Ask(key.hexdigest(), frame, prompt, size)

    def _frame(self, body: bytes, model: Model, known: Messages) -> Frame:
        document = _parse(body)
        document.pop("contents", None)
        read, wrong = known.check("GenerateContentRequest", document)
        if wrong:
            raise errors.invalid_fields(wrong)
        if len(self._frames) >= _FRAMES:
            self._frames.clear()
        return make_frame(read, model)


def count_tokens(body: bytes, version: str, *, vertex: bool) -> int:
    """What `countTokens` counts.

    Raises:
        Refused: with Google's 400.
    """
    read, wrong = messages(version, vertex=vertex).check("CountTokensRequest", _parse(body))
    if wrong:
        raise errors.invalid_fields(wrong)
    whole = read.get("generateContentRequest", read)
    system = whole.get("systemInstruction")
    texts = _texts(whole.get("contents", []))
    return sum(map(tokens, map(len, [*texts, _text_of(system) if system else ""])))


def make_frame(read: Mapping[str, Any], model: Model) -> Frame:
    config = read.get("generationConfig", {})
    _check_ranges(config, model)
    thinking = config.get("thinkingConfig", {})
    system = _text_of(read.get("systemInstruction", {}))
    cached = CACHED_TOKENS if read.get("cachedContent") else 0
    schema = config.get("responseJsonSchema")
    if schema is None and "responseSchema" in config:
        schema = json_schema(config["responseSchema"])
    return Frame(
        canonical=json.dumps([model.name, read], sort_keys=True, separators=(",", ":")).encode(),
        model=model,
        system=system,
        schema=schema,
        json_mode=config.get("responseMimeType") == "application/json",
        limit=config.get("maxOutputTokens") or model.output_limit,
        thoughts=_thoughts(thinking, model),
        show_thoughts=thinking.get("includeThoughts", False),
        cached=cached,
        size=tokens(len(system)) + cached,
        tier=str(read.get("serviceTier", "standard")).lower(),
        token=read.get("continuationToken", ""),
    )


def json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A `Schema` message, already in camelCase, as JSON Schema."""
    said: dict[str, Any] = {**schema}
    if isinstance(schema.get("type"), str):
        said["type"] = schema["type"].lower()
    if "items" in schema:
        said["items"] = json_schema(schema["items"])
    if "properties" in schema:
        order = schema.get("propertyOrdering") or schema["properties"]
        names = sorted(schema["properties"], key=lambda name: list(order).index(name) if name in order else len(order))
        said["properties"] = {name: json_schema(schema["properties"][name]) for name in names}
    if "anyOf" in schema:
        said["anyOf"] = [json_schema(option) for option in schema["anyOf"]]
    return said


def _split(body: bytes) -> tuple[object, str]:
    """The contents, and the JSON of all the rest: as it came where the contents are first, as the SDK sends them."""
    found = _CONTENTS_FIRST.match(body)
    if found is not None:
        try:
            text = body.decode()
            contents, end = _DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            raise _no_json(body) from None
        if text.find('"contents"', end) < 0:
            return contents, text[end:]
    document = _parse(body)
    contents = document.pop("contents", [])
    return contents, json.dumps(document)


def _canonical(contents: list[dict[str, Any]]) -> bytes:
    """The same for the same contents, other for others. For bare text, which nearly all are, without JSON's work."""
    said = []
    for content in contents:
        for part in content["parts"]:
            if len(part) != 1 or "text" not in part:
                return json.dumps(contents, sort_keys=True).encode()
            said.append(f"{content.get('role', 'user')} {len(content['parts'])} {len(part['text'])} {part['text']}")
    return "".join(said).encode("utf-8", "surrogatepass")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise _no_json(body) from None
    if type(document) is not dict:
        raise errors.invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    return document


def _no_json(body: bytes) -> errors.Refused:
    shown = body[:100].decode("utf-8", "replace")
    return errors.invalid(f"Invalid JSON payload received. Unexpected token.\n{shown}\n^")


def _text_of(content: Mapping[str, Any]) -> str:
    return "\n".join(part["text"] for part in content.get("parts", []) if part.get("text"))


def _texts(contents: list[dict[str, Any]]) -> list[str]:
    if not contents:
        raise errors.invalid(f"{_IN_REQUEST}contents: contents is not specified\n")
    for number, content in enumerate(contents):
        if content.get("role", "user") not in ("user", "model", "function"):
            raise errors.invalid("Please use a valid role: user, model.")
        parts = content.get("parts")
        if not parts:
            raise errors.invalid(f"{_IN_REQUEST}contents[{number}].parts: contents.parts must not be empty.\n")
        if not all(parts):
            at = f"contents[{number}].parts[{parts.index({})}].data"
            raise errors.invalid(f"{_IN_REQUEST}{at}: required oneof field 'data' must have one initialized field\n")
    return [_text_of(content) for content in contents]


def _check_ranges(config: Mapping[str, Any], model: Model) -> None:
    at = f"{_IN_REQUEST}generation_config"
    if not 0 <= config.get("temperature", 1) <= 2:
        raise errors.invalid(f"{at}.temperature: temperature must be in the range [0.0, 2.0].\n")
    if not 0 <= config.get("topP", 1) <= 1:
        raise errors.invalid(f"{at}.top_p: top_p must be in the range [0.0, 1.0].\n")
    if config.get("candidateCount", 1) not in (0, 1):
        raise errors.invalid(f"Multiple candidates is not enabled for models/{model.name}")
    most = config.get("maxOutputTokens", 1)
    if most < 0:
        raise errors.invalid(f"{at}.max_output_tokens: max_output_tokens must be positive.\n")
    if most > model.output_limit:
        raise errors.invalid(
            f"Unable to submit request because it has a maxOutputTokens value of {most} but the supported range is "
            f"from 1 (inclusive) to {model.output_limit + 1} (exclusive). Update the value and try again."
        )
    _check_schema(config, at)
    _check_thinking(config.get("thinkingConfig", {}), model)


def _check_schema(config: Mapping[str, Any], at: str) -> None:
    kind = config.get("responseMimeType", "text/plain")
    if kind not in ("text/plain", "application/json", "text/x.enum", ""):
        allowed = "`text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`"
        raise errors.invalid(f"{at}.response_mime_type: allowed mimetypes are {allowed}.\n")
    given = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    if len(given) == 2:
        raise errors.invalid(f"{at}: only one of response_schema and response_json_schema may be set.\n")
    if given and kind != "application/json":
        name = re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", given[0])
        raise errors.invalid(f"{at}.{name}: only allowed when response_mime_type is `application/json`.\n")
    if "responseJsonSchema" in config and type(config["responseJsonSchema"]) is not dict:
        raise errors.invalid(f"{at}.response_json_schema: must be a JSON object.\n")


def _check_thinking(thinking: Mapping[str, Any], model: Model) -> None:
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    if level is not None and budget is not None:
        raise errors.invalid("You can only set only one of thinking budget and thinking level.")
    if level is not None and not model.levels:
        raise errors.invalid("Thinking level is not supported for this model.")
    if level is not None and level not in (*model.levels, "THINKING_LEVEL_UNSPECIFIED"):
        raise errors.invalid(
            f"Thinking level {level} is not supported for this model. Please retry with other thinking level."
        )
    if budget is not None and not model.budget:
        raise errors.invalid("Thinking budget is not supported for this model.")


def _thoughts(thinking: Mapping[str, Any], model: Model) -> int:
    budget = thinking.get("thinkingBudget")
    if budget is not None and budget >= 0:
        return int(budget)
    return THOUGHTS.get(thinking.get("thinkingLevel", model.level), THOUGHTS[model.level])
