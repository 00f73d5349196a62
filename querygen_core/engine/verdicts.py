"""Decides whether failures are the products', the model's or the prompt's: by later answers, or by a probe."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from querygen_core.contracts.errors import Exit, ProviderError, Stopped
from querygen_core.engine.breaker import LIMIT, Asker, Breaker, ModelState
from querygen_core.engine.model import Model
from querygen_core.engine.model_call import ModelCaller
from querygen_core.engine.probe import Probed, probe

log = logging.getLogger("querygen.ask")

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds between probes of a model that has become silent
_QUOTED = 300  # characters of an answer in a message


@dataclass(slots=True)
class Verdicts:
    """The breakers of a run, and the probes that they need."""

    caller: ModelCaller
    """Makes the calls of the probes."""
    _breakers: dict[tuple[str, str], Breaker] = field(default_factory=dict)
    _states: dict[str, ModelState] = field(default_factory=dict)
    _models: dict[str, Model] = field(default_factory=dict)
    _probes: set[asyncio.Task[None]] = field(default_factory=set)
    _is_end: bool = False

    def breaker(self, asker: Asker, model: Model) -> Breaker:
        """The one breaker of this asker and this model."""
        breaker = self._breakers.get((asker.name, model.name))
        if breaker is None:
            self._models[model.name] = model
            state = self._states.setdefault(model.name, ModelState())
            breaker = self._breakers[asker.name, model.name] = Breaker(asker, model.name, state, self._look)
            state.breakers.append(breaker)
        return breaker

    def end(self) -> None:
        """All products are made but those whose requests are undecided: no later answer will decide about them."""
        self._is_end = True
        for breaker in list(self._breakers.values()):
            self._look(breaker)

    def abandon(self) -> None:
        """Cancel the probes that are under way."""
        for task in self._probes:
            task.cancel()

    async def completed(self) -> None:
        """Wait until no probe is under way."""
        while self._probes:
            await asyncio.wait(self._probes)

    def _look(self, breaker: Breaker) -> None:
        """Start a probe if one is due."""
        if breaker.probing or self.caller.shutdown.is_set or not self._must_decide(breaker):
            return
        if not breaker.is_due and (breaker.is_alive or breaker.asker.probe is None):
            breaker.acquit()
        elif (prober := self._prober(breaker)) is None:
            self._blame(breaker)
        else:
            prober.probing = True
            task = asyncio.create_task(self._probe(prober))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    def _must_decide(self, breaker: Breaker) -> bool:
        return breaker.is_due or (self._is_end and breaker.has_undecided and breaker.row.admitted == 0)

    def _prober(self, breaker: Breaker) -> Breaker | None:
        """The breaker whose asker sends the probe; None if none can."""
        if breaker.asker.probe is not None:
            return breaker
        if breaker.row.is_due or breaker.outages >= LIMIT:
            return None
        others = (one for one in breaker.state.breakers if one.asker.probe is not None and one.row.failures)
        return next(others, None)

    def _blame(self, breaker: Breaker) -> None:
        """End the run for the last failure of an asker that cannot send a probe."""
        failure, error = breaker.last or ("silent", None)
        self._end_run(breaker, Probed(failure, error=error), waited=False)

    async def _probe(self, breaker: Breaker) -> None:
        try:
            async with breaker.state.lock:
                # Another asker's probe may have decided meanwhile.
                if self._must_decide(breaker):
                    await self._probe_until_clear(breaker)
        except Stopped:
            return
        except Exception as exc:  # noqa: BLE001 - a bug must end the run, not hang it
            self.caller.shutdown.set_by_bug(exc)
        finally:
            breaker.probing = False
            breaker.state.notify()
            # What failed after the probe was sent is not decided by it, and nobody may come who asks for another one.
            self._look(breaker)

    async def _probe_until_clear(self, breaker: Breaker) -> None:
        shutdown, loop = self.caller.shutdown, asyncio.get_running_loop()
        model = self._models[breaker.model]
        until = loop.time() + self.caller.retry_for
        pause = _FIRST_PAUSE
        while True:
            shutdown.check()
            log.debug("probing model %s for %s", breaker.model, breaker.asker.name)
            probed = await probe(breaker, model, self.caller)
            log.debug("the probe of model %s for %s was %s", breaker.model, breaker.asker.name, probed.result)
            if probed.result == "useful":
                breaker.probed(probed.sent)
                return
            if probed.result != "silent" or not breaker.useful or loop.time() + pause > until:
                self._end_run(breaker, probed, waited=breaker.useful)
                return
            await shutdown.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _end_run(self, breaker: Breaker, probed: Probed, *, waited: bool) -> None:
        """waited: the model has answered before, and was probed as long as a request is repeated."""
        who = f"model {breaker.model!r}, asked by {breaker.asker.name}"
        also = ", and the probe with a product of querygen's own as well" if breaker.asker.probe else ""
        error = probed.error or (breaker.last[1] if breaker.last else None)
        shutdown = self.caller.shutdown
        if probed.result == "useless":
            prompt = f" prompt {breaker.asker.prompt}:" if breaker.asker.prompt else ""
            quoted = f"; it begins {probed.answer[:_QUOTED]!r}" if probed.answer else ""
            message = f"{prompt} the answers of {who}, cannot be used{also}: {error}{quoted}".strip()
            shutdown.set(Exit.PROVIDER_REFUSES, message, "useless_prompt")
        elif probed.result == "outage":
            retry_after = error.retry_after if isinstance(error, ProviderError) else None
            message = f"{who}, cannot be reached{also}: {error}"
            shutdown.set(Exit.TRY_AGAIN, message, "dead_model", retry_after=retry_after)
        elif probed.result == "silent" and waited:
            message = f"{who}, has stopped answering{also}: {error}"
            shutdown.set(Exit.TRY_AGAIN, message, "dead_model")
        else:
            fails = "refuses every request" if probed.result == "refused" else "answers no request"
            shutdown.set(Exit.PROVIDER_REFUSES, f"{who}, {fails}{also}: {error}", "dead_model")
