"""The stand-in at work: from a request to its answer, and into the books."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from gemini_server import errors
from gemini_server.accounts import Account, Accounts
from gemini_server.answers import Author, Made, body
from gemini_server.faults import CONTENT, Faults, draw
from gemini_server.flaws import flawed
from gemini_server.http_delivery import Reply, Writer
from gemini_server.http_protocol import Connection, Incoming
from gemini_server.keys import Keys
from gemini_server.mishaps import UNUSABLE, mishap
from gemini_server.models import Model, catalogue
from gemini_server.pace import Clock, Latency, Limits
from gemini_server.request import Ask, RequestReader, count_tokens
from gemini_server.settings import Settings

_MODEL = r"models/(?P<model>[\w.-]+)(?::(?P<action>\w+))?"
_PATH = re.compile(
    rf"/(?P<version>v1|v1beta|v1beta1)/(?P<vertex>(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?{_MODEL}"
)
_LIST = re.compile(r"/(?:v1|v1beta|v1beta1)/(?:publishers/google/)?models")
_RECENT = 200


@dataclass(frozen=True, slots=True)
class Route:
    version: str
    model: str
    action: str
    vertex: bool
    path: str


@lru_cache(maxsize=1000)
def route_of(path: str) -> Route | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    named = path.split("/", 2)[2].rpartition(":")[0]
    return Route(found["version"], found["model"], found["action"] or "", bool(found["vertex"]), named)


class Service:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.keys)
        self.models = catalogue(settings.models)
        self.author = Author(settings.answers, settings.questions, settings.seed)
        self.latency = Latency.read(settings.latency)
        self.limits = Limits(settings.at_once, settings.per_window, settings.window)
        self.faults = Faults.read(settings.faults)
        self.accounts = Accounts(settings.log)
        self.writer = Writer(chunked=settings.chunked, compress=settings.compress)
        self.recent: deque[tuple[int, Incoming]] = deque(maxlen=_RECENT)
        self.control: Callable[[Service, Incoming], Reply] | None = None
        self.clock = Clock()
        self._reader = RequestReader()

    def serve(self, incoming: Incoming, connection: Connection) -> None:
        if self.control is not None and incoming.path.startswith("/_control/"):
            say(self.writer, self.control(self, incoming), incoming, connection)
            return
        route = route_of(incoming.path)
        if route is not None and route.action == "generateContent" and incoming.method == "POST":
            self._generate(incoming, connection, route)
            return
        try:
            reply = self._other(incoming, route)
        except errors.Refused as refused:
            reply = refused.reply
        self.accounts.others[f"{incoming.method} {route.action or 'model' if route else incoming.path}"] += 1
        say(self.writer, reply, incoming, connection)

    def _other(self, incoming: Incoming, route: Route | None) -> Reply:
        if route is None and not _LIST.fullmatch(incoming.path):
            raise errors.no_such_method()
        self.keys.check(incoming, vertex=bool(route and route.vertex))
        if route is None and incoming.method == "GET":
            beta = not incoming.path.startswith("/v1/")
            models = [model.described() for model in self.models.values() if beta or not model.beta]
            return Reply(200, json.dumps({"models": models}).encode())
        if route is not None and route.action == "" and incoming.method == "GET":
            return Reply(200, json.dumps(self._model(route).described()).encode())
        if route is not None and route.action == "countTokens" and incoming.method == "POST":
            self._model(route)
            count = count_tokens(incoming.body, route.version, vertex=route.vertex)
            details = [{"modality": "TEXT", "tokenCount": count}]
            return Reply(200, json.dumps({"totalTokens": count, "promptTokensDetails": details}).encode())
        raise errors.no_such_method()

    def _model(self, route: Route) -> Model:
        model = self.models.get(route.model)
        if model is None or (model.beta and route.version == "v1"):
            if route.vertex:
                raise errors.no_such_publisher_model(route.path)
            raise errors.no_such_model(route.model, route.version, route.action or "generateContent")
        return model

    def _generate(self, incoming: Incoming, connection: Connection, route: Route) -> None:
        now = time.time()
        number = self.accounts.arrived(now)
        self.recent.append((number, incoming))
        try:
            self.keys.check(incoming, vertex=route.vertex)
            ask = self._reader.read(incoming.body, self._model(route), route.version, vertex=route.vertex)
        except errors.Refused as refused:
            if incoming.query and "key=" in incoming.query:
                self.accounts.others["key_in_url"] += 1
            self.accounts.note("", 0, refused.reply.status, "", "refused")
            say(self.writer, refused.reply, incoming, connection)
            return
        account = self.accounts.of(ask.key, now)
        wait = self.limits.wait(now, self.accounts.at_once)
        if wait:
            self.accounts.note(ask.key, account.attempts, 429, "limit", "refused")
            say(self.writer, self._limited(route.model, wait), incoming, connection)
            return
        account.tries += 1
        said = (ask.prompt, ask.frame.system)
        fault = self.faults.pick(ask.key, said, route.model, account.tries, number)
        Call(self, ask, account, fault, incoming, connection).start()

    def _limited(self, model: str, wait: float) -> Reply:
        value = self.limits.per_window or self.limits.at_once
        hints = {"header": errors.whole_seconds(wait), "delay": errors.seconds(wait)}
        return errors.throttled(model, value=value, metric="generate_content_paid_tier_requests", **hints)


def say(writer: Writer, reply: Reply, incoming: Incoming, connection: Connection) -> None:
    gzipped = writer.compress and "gzip" in incoming.header(b"accept-encoding")
    writer.deliver(reply, connection, lambda: None, lambda: None, gzipped=gzipped)


class Call:
    """A request that has been let in, until its answer is sent, cannot be sent, or was spoiled."""

    __slots__ = (
        "_account",
        "_ask",
        "_attempt",
        "_connection",
        "_fault",
        "_incoming",
        "_made",
        "_service",
        "_status",
        "_waits",
    )

    def __init__(
        self, service: Service, ask: Ask, account: Account, fault: str, incoming: Incoming, connection: Connection
    ) -> None:
        self._service = service
        self._ask = ask
        self._account = account
        self._attempt = account.attempts
        self._fault = fault
        self._incoming = incoming
        self._connection = connection
        self._made: Made | None = None
        self._waits = False
        self._status = int(fault[:3]) if fault[:3].isdigit() else 200

    def start(self) -> None:
        self._service.accounts.began()
        self._connection.gone = self._gone
        delay = self._delay()
        if delay <= 0:
            self._answer()
            return
        patience = self._incoming.header(b"x-server-timeout")
        if patience.replace(".", "", 1).isdigit() and float(patience) < delay and self._status == 200:
            delay, self._fault, self._status = float(patience), "504", 504
        self._waits = True
        self._service.clock.later(delay, self._due)

    def _delay(self) -> float:
        service = self._service
        if self._status < 500 and self._status != 200:
            return 0
        late = service.faults.late if self._fault == "late" else 0
        if service.latency.kind == "fixed":
            return service.latency.a + late
        return service.latency.of(draw(service.faults.seed, self._ask.key, self._account.tries, "latency")) + late

    def _due(self) -> None:
        if self._waits:
            self._answer()

    def _answer(self) -> None:
        writer = self._service.writer
        gzipped = writer.compress and "gzip" in self._incoming.header(b"accept-encoding")
        writer.deliver(self._reply(), self._connection, self._sent, self._failed, gzipped=gzipped)

    def _reply(self) -> Reply:
        if self._fault and self._fault not in CONTENT:
            return mishap(self._fault, self._ask.frame.model.name, self._service.faults, self._body)
        return Reply(200, self._body())

    def _body(self) -> bytes:
        service, ask = self._service, self._ask
        if self._fault in CONTENT:
            self._made = flawed(self._fault, service.author.text(ask), ask, service.faults.seed)
        else:
            self._made = service.author.made(ask)
        return body(self._made, ask, self._attempt)

    def _sent(self) -> None:
        if self._status != 200:
            self._end(self._status, "refused")
        elif self._fault in UNUSABLE:
            self._end(200, "spoiled")
        else:
            self._end(200, "paid")
            if self._made is not None:
                self._service.accounts.spent(self._ask.size, self._made.output, self._made.thoughts)

    def _failed(self) -> None:
        self._end(0 if self._fault in ("close", "reset") else 200, "spoiled")
        self._connection.gone = None

    def _gone(self) -> None:
        """As at a real provider, what was worked on for a client that is gone was work all the same."""
        self._waits = False
        self._end(0, "undelivered" if self._status == 200 else "refused")

    def _end(self, status: int, outcome: str) -> None:
        accounts = self._service.accounts
        accounts.at_once -= 1
        finish = self._made.finish if self._made is not None and outcome == "paid" else ""
        accounts.note(self._ask.key, self._attempt, status, self._fault, outcome, finish)
