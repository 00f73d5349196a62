"""The endpoints under `/_control/`, by which a test asks the stand-in what it saw and tells it what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from gemini_server.answers import Author
from gemini_server.faults import CONTENT, TRANSPORT, Faults
from gemini_server.http_delivery import Reply
from gemini_server.http_protocol import Incoming
from gemini_server.pace import Latency, Limits
from gemini_server.service import Service


def control(service: Service, incoming: Incoming) -> Reply:
    """The reply to a request for `/_control/…`; 400 with `{"error": …}` if what it asks for makes no sense."""
    name = f"{incoming.method} {incoming.path.removeprefix('/_control/')}"
    if name not in _ACTIONS:
        return _said({"error": f"no such endpoint; there are {', '.join(_ACTIONS)}"}, 404)
    try:
        given = json.loads(incoming.body) if incoming.body else {}
        query = {key: values[-1] for key, values in parse_qs(incoming.query).items()}
        return _said(_ACTIONS[name](service, {**query, **given}))
    except (ValueError, TypeError, KeyError) as error:
        return _said({"error": f"{type(error).__name__}: {error}"}, 400)


def _said(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode("utf-8", "surrogatepass"))


def _accounts(service: Service, given: Mapping[str, Any]) -> object:
    least = int(given.get("paid", 0))
    return {key: account.told() for key, account in service.accounts.by_key.items() if account.paid >= least}


def _log(service: Service, given: Mapping[str, Any]) -> object:
    return service.accounts.lines_after(int(given.get("after", 0)))


def _requests(service: Service, given: Mapping[str, Any]) -> object:
    last = list(service.recent)[-int(given.get("last", 200)) :]
    return [
        {
            "n": number,
            "method": incoming.method,
            "path": incoming.path,
            "query": incoming.query,
            "headers": incoming.headers,
            "body": incoming.body.decode("utf-8", "replace"),
        }
        for number, incoming in last
    ]


def _faults(service: Service, given: Mapping[str, Any]) -> object:
    service.faults = Faults.read(given)
    return _known_faults(service, given)


def _known_faults(service: Service, given: Mapping[str, Any]) -> object:
    return {"content": CONTENT, "transport": TRANSPORT, "faults": asdict(service.faults)}


def _keys(service: Service, given: Mapping[str, Any]) -> object:
    service.keys.update(given)
    return service.keys.told()


def _pace(service: Service, given: Mapping[str, Any]) -> object:
    limits = service.limits
    known = {"at_once": limits.at_once, "per_window": limits.per_window, "window": limits.window}
    unknown = sorted({*given} - {*known, "latency"})
    if unknown:
        raise ValueError(f"no such setting: {', '.join(unknown)}")
    if "latency" in given:
        service.latency = Latency.read(given["latency"])
    service.limits = Limits(**{**known, **{name: given[name] for name in known if name in given}})
    return {**known, **given}


def _answers(service: Service, given: Mapping[str, Any]) -> object:
    settings = service.settings
    known = {"answers": settings.answers, "questions": settings.questions, "seed": settings.seed}
    service.author = Author(**{**known, **given})
    return {**known, **given}


def _reset(service: Service, given: Mapping[str, Any]) -> object:
    service.accounts.reset()
    service.recent.clear()
    return {}


_ACTIONS: dict[str, Callable[[Service, Mapping[str, Any]], object]] = {
    "GET stats": lambda service, _: service.accounts.stats(),
    "GET accounts": _accounts,
    "GET log": _log,
    "GET requests": _requests,
    "GET faults": _known_faults,
    "POST faults": _faults,
    "GET keys": lambda service, _: service.keys.told(),
    "POST keys": _keys,
    "POST pace": _pace,
    "POST answers": _answers,
    "POST reset": _reset,
}
