"""Encoding of an answer as one line of JSON with a checksum."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from querygen_core.api import Response, Usage
from querygen_core.contracts.journal import AnswerRecord


class DamagedAnswer(ValueError):
    """The checksum does not match, or the line is not an answer."""


def object_name(key: str, number: int) -> str:
    """Return the name of an answer's object below `answers/`.

    Two digits come first, because S3 scales by prefix, and so that folders of a disk stay small.
    """
    return f"{key[:2]}/{key}.{number}.json"


def encode(answer: AnswerRecord) -> bytes:
    text = _dump(asdict(answer))
    return f'{{"sha256":"{_digest(text)}","answer":{text}}}\n'.encode()


def decode(line: bytes) -> AnswerRecord:
    """Decode a line of `encode`.

    Raises:
        DamagedAnswer: it is not what was written.
    """
    try:
        data = json.loads(line)
        answer = data["answer"]
        if data["sha256"] != _digest(_dump(answer)):
            raise DamagedAnswer
        response = {**answer["response"], "usage": Usage(**_known(Usage, answer["response"]["usage"]))}
        return AnswerRecord(**{**_known(AnswerRecord, answer), "response": Response(**_known(Response, response))})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedAnswer(str(error)) from error


def _known(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Drop fields that a newer querygen added: records only gain defaulted fields, so the rest is complete."""
    return {name: data[name] for name in kind.__dataclass_fields__ if name in data}


def _dump(value: Any) -> str:
    """ASCII, because lone surrogates cannot be encoded as UTF-8."""
    return json.dumps(value, separators=(",", ":"))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
