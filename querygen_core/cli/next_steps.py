"""The commands that a run suggests at its end: they repeat what was given, show no secret, and say what they cost."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import join
from typing import Any

from querygen_core.cli.loading import DEFAULT_STATE_DIR, STATE_DIR, Loaded
from querygen_core.cli.summary import in_usd
from querygen_core.config.overrides import masked_override
from querygen_core.contracts.errors import Exit
from querygen_core.engine.build import RunOptions
from querygen_core.engine.run import RunResult
from querygen_core.secrets.masking import mask

_RESUME = {
    "budget": "resume, when you have raised the limit or, if it is the day's, tomorrow",
    "quota": "resume, when the quota is renewed",
    "auth": "resume, when the credentials are right",
    "dead_model": "resume, when the model answers again or the config names another",
    "useless_prompt": "resume, when the prompt or the model is another; useless answers are paid for again",
    "low_yield": "resume, when the prompt, the model or the filters have changed",
    "rejected_input": "resume, when the input is mended",
    "sink": "deliver again, when the sink takes it",
}
_PROMPT_AT_FAULT = ("useless_prompt", "low_yield")
_WIDEST = 70  # characters; a longer command does not widen the column of commands


def next_steps(
    arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions, result: RunResult
) -> Iterator[str]:
    """Lines with suggested commands, quoted for a shell, each with a comment; none if there is nothing to suggest."""
    command_line = CommandLine(arguments, loaded, run_options)
    steps = [(mask(join(words)), comment) for words, comment in _steps(command_line, result)]
    if steps:
        width = max((length for command, _ in steps if (length := len(command)) <= _WIDEST), default=0)
        yield "Next:"
        yield from (f"  {command:<{width}}  # {comment}" for command, comment in steps)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The words of a command line, as other commands about the same job repeat them."""

    arguments: argparse.Namespace
    """As parsed. Without `config`, the job was named by its id."""
    loaded: Loaded
    """The config that was run."""
    run_options: RunOptions
    """Which products were read: of the command line, or for `retry` of the last run."""

    @property
    def has_config(self) -> bool:
        return "config" in self.arguments

    @property
    def is_sample(self) -> bool:
        return self.run_options.sample is not None

    def run(self, *, whole: bool = False) -> list[str]:
        """The run again. whole: without `--sample`. By the job's id, only the job knows how it was run."""
        if not self.has_config:
            return self.retry()
        sample = [] if whole or not self.is_sample else ["--sample", f"{self.run_options.sample}"]
        wait = [] if self.run_options.wait else ["--no-wait"]
        place = [*self._job_id(), *self._state_dir(), *self._shard(), *wait]
        return ["querygen", "run", self._config, *self._products(), *sample, *self._sets(), *place]

    def retry(self) -> list[str]:
        state_dir = self.loaded.pipeline.runtime.state_dir
        folder = [] if state_dir == DEFAULT_STATE_DIR else _flag("--state-dir", state_dir)
        return ["querygen", "retry", self.loaded.pipeline.job_id, *folder, *self._shard()]

    def render(self) -> list[str]:
        return ["querygen", "prompts", "render", self._config, *self._products(), *self._sets()]

    def db_query(self, statement: str) -> list[str]:
        """`db` has no flags for job and state folder, but both may be part of an embedded server's place."""
        given = self.arguments.job_id, self.arguments.state_dir
        keys = zip(("job_id", "runtime.state_dir"), given, strict=True)
        place = [word for key, value in keys if value for word in ("--set", f"{key}={json.dumps(value)}")]
        return ["querygen", "db", "query", self._config, *self._sets(), *place, statement]

    @property
    def _config(self) -> str:
        return self.loaded.pipeline.origin

    def _products(self) -> list[str]:
        file = self.run_options.products_file
        products = [word for product in self.run_options.products for word in _flag("--product", product)]
        return [*(_flag("--products-file", file) if file else []), *products]

    def _sets(self) -> list[str]:
        return set_flags(self.arguments.set if "set" in self.arguments else ())

    def _job_id(self) -> list[str]:
        return _flag("--job-id", self.arguments.job_id) if self.arguments.job_id else []

    def _state_dir(self) -> list[str]:
        """Of the flag or of the variable, which the shell that repeats the command may lack."""
        of_machine = os.environ.get(STATE_DIR)
        is_of_machine = of_machine == self.loaded.pipeline.runtime.state_dir
        folder = self.arguments.state_dir or (of_machine if is_of_machine else None)
        return _flag("--state-dir", folder) if folder else []

    def _shard(self) -> list[str]:
        return ["--shard", self.arguments.shard] if self.arguments.shard else []


def set_flags(sets: Sequence[str]) -> list[str]:
    """The `--set` flags of a command line for printing: those that hold a secret are masked."""
    return [word for override in sets for word in _flag("--set", masked_override(override))]


def _flag(name: str, value: str) -> list[str]:
    """A value that begins with a dash must be of one word with its flag, or argparse takes it for another flag."""
    return [f"{name}={value}"] if value.startswith("-") else [name, value]


def _steps(command_line: CommandLine, result: RunResult) -> list[tuple[list[str], str]]:
    report = result.report
    steps = []
    if report["stopped_by"] in _PROMPT_AT_FAULT and command_line.has_config:
        steps.append((command_line.render(), "show what the models are asked"))
    if report["pending"] or report["stopped_by"] in ("rejected_input", "sink"):
        why = _RESUME.get(report["stopped_by"], "resume")
        steps.append((command_line.run(), f"{why}; {_cost_of_the_rest(report)}"))
    unusable = report["failed"] or report["short_reasons"].keys() & {"blocked", "broken"}
    if unusable and not (report["pending"] and not command_line.has_config):
        steps.append((command_line.retry(), "retry the requests without a usable answer; they are paid for again"))
    if result.code == Exit.DONE and not steps:
        steps = _steps_when_done(command_line, result)
    return steps


def _steps_when_done(command_line: CommandLine, result: RunResult) -> list[tuple[list[str], str]]:
    steps = [(command_line.render(), "show what the models are asked; edit prompts/*.j2, then")]
    steps.append((command_line.run(), "send only the requests that the edit changed; `querygen plan` counts them"))
    if command_line.is_sample and command_line.has_config:
        steps.append((command_line.run(whole=True), f"run the whole input; {_cost_of_a_sample(result.report)}"))
    if result.statement:
        steps.append((command_line.db_query(result.statement), "read the rows from the database"))
    return steps


def _cost_of_the_rest(report: Mapping[str, Any]) -> str:
    """What resuming costs, by the average of the products that have their outcome."""
    pending, finished = report["pending"], report["done"] + report["short"] + report["failed"]
    requests = report["calls"]["new"] + report["calls"]["journal"]
    if not pending:
        return "only requests without an answer are sent"
    if not (finished and requests):
        return f"{pending:,} pending products, whose requests are sent if they have no answer yet"
    return f"{cost_text(round(requests / finished * pending), report)} for {pending:,} pending products"


def cost_text(requests: int, report: Mapping[str, Any]) -> str:
    """What so many requests are, and cost by the average of the calls of this run, if it has paid for any."""
    calls, cost = report["calls"]["new"], report["cost"]
    money = f", about {in_usd(cost / calls * requests)}," if calls and cost else ""
    return f"about {requests:,} requests{money}"


def _cost_of_a_sample(report: Mapping[str, Any]) -> str:
    requests = report["calls"]["new"] + report["calls"]["journal"]
    cost = f", {in_usd(report['cost'])}" if report["cost"] else ""
    took = f"this sample took {requests:,} requests{cost} for {report['done'] + report['short']:,} products"
    return f"{took}; `querygen plan` says what the whole costs"
