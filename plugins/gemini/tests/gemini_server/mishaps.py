"""Replies in which something goes wrong on the way: what each fault of transport sends."""

from __future__ import annotations

import json
from collections.abc import Callable

from gemini_server import errors
from gemini_server.faults import Faults
from gemini_server.http_delivery import Reply, Way

_WAYS: dict[str, Way] = {
    "close": "close",
    "reset": "reset",
    "half": "half",
    "short": "short",
    "gzip_cut": "gzip_cut",
    "stall": "drip",
    "hang": "silence",
    "late": "whole",
}
"""Faults that send the right answer in a wrong way."""

_LOCATION = "User location is not supported for the API use."


def mishap(fault: str, model: str, faults: Faults, answer: Callable[[], bytes]) -> Reply:
    """The reply for a fault of `TRANSPORT`. answer: the body that a good reply would have."""
    if fault in _WAYS:
        return Reply(200, answer(), way=_WAYS[fault], pause=faults.pause)
    if fault.startswith("429"):
        return _throttled(fault, model, faults.retry_after)
    if fault in errors.PLAIN:
        return errors.error(*errors.PLAIN[fault])
    return _OTHERS[fault](faults)


def _throttled(fault: str, model: str, wait: float) -> Reply:
    header, delay = errors.whole_seconds(wait), errors.seconds(wait)
    if fault == "429_html":
        return errors.html(429, "<html><title>Sorry...</title>Too many requests</html>", [("Retry-After", header)])
    if fault == "429_day":
        return errors.throttled(model, per="PerDay", value=250, delay=delay)
    hints = {
        "429_minute": {"header": header, "delay": delay},
        "429_header": {"header": header},
        "429_info": {"delay": delay},
        "429_differ": {"header": header, "delay": errors.seconds(2 * wait)},
        "429_date": {"header": errors.http_date(wait)},
        "429_garbage": {"header": "soon", "delay": "a while"},
        "429_bare": {},
    }
    return errors.throttled(model, **hints[fault])


def _huge(faults: Faults) -> Reply:
    text = json.dumps({"questions": ["Why?"]})[:-2]
    candidate = (
        b'{"candidates":[{"content":{"parts":[{"text":"%b%b"}],"role":"model"},"finishReason":"STOP","index":0}]}'
    )
    return Reply(200, candidate % (json.dumps(text)[1:-1].encode(), b" " * faults.huge + b"]}"))


_OTHERS: dict[str, Callable[[Faults], Reply]] = {
    "502": lambda _: errors.bad_gateway(),
    "400_location": lambda _: errors.error(400, _LOCATION, status="FAILED_PRECONDITION"),
    "not_json": lambda _: Reply(200, b'{"candidates": ['),
    "html": lambda _: Reply(200, b"<html><title>Sign in</title></html>", kind="text/html; charset=UTF-8"),
    "error_200": lambda _: Reply(200, errors.error(*errors.PLAIN["503"]).body),
    "huge": _huge,
}

UNUSABLE = frozenset({"not_json", "html", "error_200"})
"""Faults that arrive whole, with status 200, and yet are no answer."""
