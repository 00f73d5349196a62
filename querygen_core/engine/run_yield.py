"""Whether a run gets for its money what it wants: of questions that were paid for, enough must be any good."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.contracts.errors import AnswerError, Exit, QuerygenError
from querygen_core.contracts.records import Outcome
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown

SURPLUS = "surplus"
"""`Query.dropped` of a good question beyond those that were wanted."""

_ENOUGH = 20  # products: fewer say little about the others
_NAMED = 3  # reasons
_REFUSED = frozenset({"blocked", "refused"})
_UNUSABLE = ("blocked", "broken", "cut", "empty", "loop", "refused")


@dataclass(slots=True)
class RunYield:
    """Ends the run when too little of what it pays for is good."""

    shutdown: Shutdown
    """Ends the run."""
    minimum: float
    """`runtime.min_yield`: good ÷ received questions."""
    stats: RunStats
    """Knows the products for which a call was paid. Others cost nothing in this run, whatever became of them."""

    def count(self, product_key: str, result: Outcome | QuerygenError) -> None:
        """Count a product that is finished, by its outcome or by why it failed."""
        if product_key not in self.stats.paid_for:
            return
        self.stats.paid_for.discard(product_key)
        if isinstance(result, Outcome):
            self._add(result)
        elif isinstance(result, AnswerError):
            self.stats.gain.lost[result.kind] += 1
        else:
            return  # a plugin broke, which tells nothing of the answers
        self.stats.gain.products += 1
        if self.stats.gain.products >= _ENOUGH:
            self.judge()

    def judge_end(self, *, others_kept: bool) -> None:
        """Judge a run that has ended. others_kept: the job has good questions of other products, so that a few new ones
        that a provider refuses tell of these products and not of prompt or model.
        """
        total = self.stats.gain
        is_few = total.products < _ENOUGH and not total.received
        if not (others_kept and is_few and total.lost.keys() <= _REFUSED):
            self.judge()

    def judge(self) -> None:
        """End the run if the yield is too low so far. A run that has paid nothing cannot have a low one."""
        total = self.stats.gain
        if self.shutdown.is_set or not total.products or (total.good and total.ratio >= self.minimum):
            return
        self.shutdown.set(Exit.PROVIDER_REFUSES, self._message(), "low_yield")

    def _add(self, outcome: Outcome) -> None:
        total = self.stats.gain
        total.received += len(outcome.queries) + len(outcome.dropped)
        total.good += len(outcome.queries)
        for query in outcome.dropped:
            if query.dropped == SURPLUS:
                total.good += 1
            else:
                total.lost[query.dropped or ""] += 1
        total.lost.update(reason for reason in outcome.reasons.values() if reason in _UNUSABLE)

    def _message(self) -> str:
        total = self.stats.gain
        got = f"{total.good:,} of {total.received:,} questions that were paid for"
        which = f"{got} are good ({total.ratio:.1%}, runtime.min_yield is {self.minimum:.1%})"
        if not total.received:
            which = f"no answer to {total.products:,} products that were paid for is usable"
        lost = ", ".join(f"{reason} {number:,}" for reason, number in total.lost.most_common(_NAMED))
        look = "compare what is asked (`querygen prompts render`) with what came (`dropped` in files, dead letters)"
        return f"{which}; lost: {lost or 'nothing was made of the answers'}; {look}"
