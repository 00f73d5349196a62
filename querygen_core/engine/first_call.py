"""What must hold before the first call of a run is paid: secrets are there, and every model says that it will answer.

Asked only when a call is about to be made, so that a run that finds all its answers in the journal needs no model.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from querygen_core.contracts.errors import WORST_FIRST, Exit, ProviderError, QuerygenError
from querygen_core.engine.shutdown import Shutdown, cause_of
from querygen_core.registry import BuiltComponent

log = logging.getLogger("querygen.run")

_PATIENCE = 30.0  # seconds for all checks together; then the calls themselves have to show it


@dataclass(slots=True)
class FirstCall:
    """Holds up the first calls until all checks are done, once. A check that fails for good ends the run."""

    shutdown: Shutdown
    """Set when a check fails."""
    components: list[tuple[str, BuiltComponent[object]]] = field(default_factory=list)
    """Models, generators and postprocessors, each with a name for messages."""
    _checking: asyncio.Task[None] | None = None
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def allowed(self) -> None:
        """Return when calls may be made.

        Raises:
            Stopped: a check has failed, or the run ends for another reason.
        """
        if self._checking is None:
            self._checking = asyncio.create_task(self._check())
        if not self._checking.done():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await self.shutdown.wait(future)
        self.shutdown.check()

    async def close(self) -> None:
        """Give up the checks that are still under way: no call waits for them any more."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait([self._checking])

    async def _check(self) -> None:
        try:
            failures = await asyncio.gather(*(self._failure(name, one) for name, one in self.components))
            self._judge([failure for failure in failures if failure is not None])
        finally:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)

    async def _failure(self, name: str, component: BuiltComponent[object]) -> tuple[str, QuerygenError] | None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await component.check()
        except TimeoutError:
            log.warning("%s could not be checked within %g s; its calls will show", name, _PATIENCE)
        except QuerygenError as error:
            if _is_verdict(error):
                return name, error
            log.warning("%s could not be checked: %s; its calls will show", name, error)
        return None

    def _judge(self, failures: Sequence[tuple[str, QuerygenError]]) -> None:
        """End the run for what failed, with the code of what only a person can repair first."""
        if not failures:
            return
        worst = min(failures, key=lambda failure: WORST_FIRST.index(failure[1].exit_code))[1]
        text = "; ".join(f"{name} fails ({error.kind}): {error}" for name, error in failures)
        self.shutdown.set(worst.exit_code, f"{text}; nothing was asked yet", cause_of(worst))


def _is_verdict(error: QuerygenError) -> bool:
    """Whether the calls would fail as well: what may heal by waiting is for them to wait for."""
    if error.exit_code == Exit.TRY_AGAIN:
        return False
    return not isinstance(error, ProviderError) or error.kind not in ("quota", "bad_answer", "blocked")
