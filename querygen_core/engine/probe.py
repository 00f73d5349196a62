"""The probe: a generator's own request for a fixed product, which tells whether its model and prompt work at all."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from querygen_core.answers import Parsed
from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import QuerygenError, Stopped
from querygen_core.contracts.records import Answer, Product, Request
from querygen_core.engine.breaker import Breaker, Failure
from querygen_core.engine.model import Model
from querygen_core.engine.model_call import (
    Call,
    CallFailedError,
    ModelCaller,
    NotYetError,
    ParsedResponse,
    as_answer,
    unusable,
)

PROBE_PRODUCT = Product(
    product_id="probe",
    source="querygen",
    title="Enamelled steel kettle, 1.7 litres",
    brand="Tarnholm",
    category_path=("Home", "Kitchen", "Kettles"),
    product_type="kettle",
    description=(
        "A kettle of enamelled steel for gas, electric and induction hobs. It holds 1.7 litres, whistles when the "
        "water boils, and has a beech handle that stays cool. Wipe it clean and dry it after use."
    ),
    attributes={"Material": "enamelled steel", "Capacity": "1.7 l", "Weight": "1.1 kg", "Colour": "cream"},
)
"""An ordinary product with enough to ask about, and nothing that a model could object to."""

_LOOK = 0.1  # seconds between looks at whether the day's budget lets the probe start


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a probe."""

    result: Failure | Literal["useful", "unasked"]
    """`useful`, `unasked` if the generator did not ask the model, or how its request failed."""
    sent: int = 0
    """The moment at which it was sent, if it was answered."""
    error: QuerygenError | None = None
    """Why it failed; None if it did not."""
    answer: str = ""
    """The answer that could not be used."""


async def probe(breaker: Breaker, model: Model, caller: ModelCaller) -> Probed:
    """Let the breaker's asker send its request for the fixed product, really and at its price.

    Raises:
        Stopped: the run ends first.
    """
    ask = _ProbeAsk(breaker, model, caller)
    if breaker.asker.probe is not None:
        try:
            await breaker.asker.probe(ask)
        except Stopped:
            raise
        except QuerygenError as error:
            # What the generator makes of an answer is its own affair: the model and the prompt are in question here.
            if ask.probed.result == "unasked":
                return Probed("unasked", error=error)
    return ask.probed


class _ProbeAsk:
    """`api.Ask` that looks nothing up, stores every answer under a key of its own, and notes how the first failed."""

    def __init__(self, breaker: Breaker, model: Model, caller: ModelCaller) -> None:
        self.probed = Probed("unasked")
        self._breaker = breaker
        self._model = model
        self._caller = caller

    async def __call__(self, request: Request) -> Answer:
        # A key that no request has: neither is a probe answered from the journal, nor a product by a probe.
        key = digest({"v": 1, "probe": uuid.uuid4().hex})
        call = Call(self._model, request, key, 0, "", self._breaker, is_probe=True)
        try:
            received = await self._sent(call)
        except CallFailedError as failed:
            self.probed = Probed(failed.failure, error=failed.error)
            raise failed.error from None
        if isinstance(received.value, Parsed):
            self.probed = Probed("useful", received.moment)
            return as_answer(received.value, received.response, self._model, key)
        error = unusable(call, received)
        self.probed = Probed("useless", received.moment, error, error.raw)
        raise error

    async def _sent(self, call: Call) -> ParsedResponse:
        while True:
            try:
                return await self._caller.call(call)
            except NotYetError:
                await self._caller.shutdown.sleep(_LOOK)
