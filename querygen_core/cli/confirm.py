"""Shows a run's plan to the person at the terminal, and asks."""

from __future__ import annotations

import sys

from querygen_core.cli.loading import Loaded
from querygen_core.contracts.errors import UsageError
from querygen_core.engine.build import RunOptions


def is_confirmed(loaded: Loaded, run_options: RunOptions, *, asked_for: bool) -> bool:
    """Whether the run may begin. asked_for: by `--confirm`.

    Raises:
        UsageError: there is nobody to ask. QuerygenError: as `make_plan`.
    """
    limit = loaded.pipeline.runtime.confirm_above
    is_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if asked_for and not is_terminal:
        raise UsageError("--confirm asks a person, and this is not a terminal; `querygen plan` shows the plan")
    if not asked_for and (limit is None or not is_terminal):
        return True
    from querygen_core.cli.plan import plan_for, printable_plan

    plan = plan_for(loaded, run_options)
    usd = plan.usd
    if not asked_for and usd is not None and limit is not None and usd.expected <= limit:
        return True
    sys.stderr.write(f"{printable_plan(plan)}\nSend these requests? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().casefold() in ("y", "yes"):
        return True
    sys.stderr.write("Nothing was sent.\n")
    return False
