"""How many tokens a call can use at most, is likely to use, and has used where the provider does not say."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from querygen_core.api import Capabilities
from querygen_core.config import ModelConfig
from querygen_core.contracts.records import Request, Response, Usage

DEFAULT_MAX_OUTPUT = 16_384
"""Tokens of an answer at most, where neither the model's options nor the prompt name `max_output_tokens`."""

_FIRST_GUESS = 2_000  # output tokens of a call, thinking included, until one was seen
_BYTES_PER_TOKEN = 4  # of ordinary text
_MOST = 1_000_000_000  # tokens of a call that can be meant


@dataclass(frozen=True, slots=True)
class CallSize:
    """Tokens of a call."""

    input: int
    """Of what is sent."""
    output: int
    """Of the answer, reasoning included."""

    @property
    def tokens(self) -> int:
        return self.input + self.output

    @property
    def usage(self) -> Usage:
        """The same, for a price."""
        return Usage(input=self.input, output=self.output)


def largest_size(request: Request, max_output: int | None) -> CallSize:
    """The most that a call can use: no tokenizer makes more tokens than there are bytes.

    max_output: the model's own `max_output_tokens`; None: the prompt's counts.
    """
    wanted = request.parameters.get("max_output_tokens") if max_output is None else max_output
    return CallSize(_bytes_sent(request), _count(wanted) or DEFAULT_MAX_OUTPUT)


@dataclass(slots=True)
class UsualSize:
    """What calls of one model are likely to use, for its rate limit: worst cases would slow it down for nothing."""

    _largest_output: int = 0

    def expect(self, request: Request) -> int:
        """Tokens, in and out: those of the prompt, and the longest answer so far."""
        return _tokens_of(_bytes_sent(request)) + (self._largest_output or _FIRST_GUESS)

    def learn(self, usage: Usage) -> None:
        self._largest_output = max(self._largest_output, (usage.output or 0) + (usage.thinking or 0))


@dataclass(frozen=True, slots=True)
class CallUsage:
    """What a call has used."""

    whole: Usage
    """As billed where the provider says it, else estimated."""
    estimated: Usage
    """The part of `whole` that is estimated."""

    @property
    def tokens(self) -> int:
        return (self.whole.input or 0) + (self.whole.output or 0) + (self.whole.thinking or 0)


def usage_of(request: Request, response: Response) -> CallUsage:
    """The usage that the provider reports; what it leaves out, or what cannot be, is estimated from the bytes."""
    said = response.usage
    sent, received, cached = _count(said.input), _count(said.output), _count(said.cached)
    estimated = Usage(
        input=_tokens_of(_bytes_sent(request)) if sent is None else None,
        output=_tokens_of(_bytes(response.text)) if received is None else None,
    )
    sent = estimated.input if sent is None else sent
    whole = Usage(
        input=sent,
        output=estimated.output if received is None else received,
        thinking=_count(said.thinking),
        cached=None if cached is None else min(cached, sent or 0),
        estimated=said.estimated or estimated != Usage(),
    )
    return CallUsage(whole, estimated)


def with_usage(response: Response, usage: CallUsage) -> Response:
    """The response as it is kept: what was paid for it must be known wherever it is read."""
    return response if response.usage == usage.whole else replace(response, usage=usage.whole)


def _bytes_sent(request: Request) -> int:
    schema = "" if request.schema is None else json.dumps(request.schema)
    return _bytes(request.system) + _bytes(request.prompt) + len(schema)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _tokens_of(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)


def _count(value: object) -> int | None:
    """A number of tokens; None if it is not one, as when a server reports 2⁶³."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return value
    return None


def most_output(config: ModelConfig, capabilities: Capabilities) -> int | None:
    """Most tokens of an answer: as the provider says, or by the name of the option that providers have for it."""
    option = dict(config.component.options).get("max_output_tokens")
    named = option if capabilities.max_output_tokens is None else capabilities.max_output_tokens
    return named if isinstance(named, int) and named > 0 else None
