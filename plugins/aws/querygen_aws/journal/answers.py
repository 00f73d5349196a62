"""How a paid answer lies in an object: one line of JSON that shows whether it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from querygen_core.api import Kept, Response, Usage

FOLDER = "answers/"


class Damaged(ValueError):
    """It is not what was written."""


def place_of(key: str, number: int) -> str:
    """The name of an answer's object in `FOLDER`. Two digits first: S3 has room for more requests by prefix."""
    return f"{key[:2]}/{key}.{number}.json"


def read_place(name: str) -> tuple[str, int] | None:
    """Key and try of an object in `FOLDER`; None for what is no answer."""
    key, _, number = name.partition("/")[2].removesuffix(".json").rpartition(".")
    return (key, int(number)) if key and number.isdecimal() else None


def encode(kept: Kept) -> bytes:
    text = _dump(asdict(kept))
    return f'{{"sha256":"{_digest(text)}","answer":{text}}}\n'.encode()


def decode(line: bytes) -> Kept:
    """Raises Damaged."""
    try:
        data = json.loads(line)
        answer = data["answer"]
        if data["sha256"] != _digest(_dump(answer)):
            raise Damaged
        response = {**answer["response"], "usage": Usage(**_known(Usage, answer["response"]["usage"]))}
        return Kept(**{**_known(Kept, answer), "response": Response(**_known(Response, response))})
    except (ValueError, TypeError, KeyError) as error:
        raise Damaged(str(error)) from error


def _known(kind: type[Any], data: dict[str, Any]) -> dict[str, Any]:
    """Without what a newer querygen adds: its records only gain fields, so the answer is whole without them."""
    return {name: data[name] for name in kind.__dataclass_fields__ if name in data}


def _dump(value: Any) -> str:
    """Lone surrogates, which have no UTF-8, stay escaped."""
    return json.dumps(value, separators=(",", ":"))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
