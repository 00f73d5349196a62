"""The argument parser. argparse, because it starts fastest; the module of a command is imported only when it runs."""

from __future__ import annotations

import argparse
from typing import NoReturn

from querygen_core import __version__
from querygen_core.contracts.errors import Exit, UsageError

EXIT_CODES = {
    Exit.DONE: "Done; at most runtime.max_failed_ratio or runtime.max_failed of the input failed or was rejected",
    Exit.USAGE: "Wrong command line",
    Exit.INPUT_UNUSABLE: "Input unusable, or too much of it failed or was rejected",
    Exit.INPUT_MISSING: "Input not found",
    Exit.PROVIDER_REFUSES: "Provider refuses permanently, its answers are unusable, or a budget is reached",
    Exit.BUG: "Bug in querygen, or counts that do not balance",
    Exit.STATE_UNUSABLE: "State or store damaged, of a newer version, or without rights; a retry does not help",
    Exit.SINK_FAILED: "A sink failed permanently or refused too much, answers and outcomes are safe; or output failed",
    Exit.TRY_AGAIN: "Try again: stopped by a signal, provider or sink down, or job held by another run",
    Exit.CREDENTIALS: "Credentials missing or refused",
    Exit.CONFIG: "Wrong config, or a plugin that cannot be loaded",
    Exit.INTERRUPTED: "Interrupted from the keyboard",
}
_EPILOG = "exit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())

KINDS = (
    "provider",
    "input",
    "preprocessor",
    "generator",
    "postprocessor",
    "sink",
    "observer",
    "secret",
    "storage",
    "submitter",
)
"""Kinds of plugin that `plugins new` starts. Each has a folder in `templates`."""


class Parser(argparse.ArgumentParser):
    """Reports wrong usage as `UsageError`, where argparse prints the usage and exits with 2."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="querygen",
        description="Write product and market questions for every product of a catalogue, with a language model.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_help(parser)
    parser.add_argument(
        "--version", action="version", version=f"querygen {__version__}", help="Print the version and exit"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    _add_run(commands)
    _add_plan(commands)
    _add_submit(commands)
    _add_check(commands)
    _add_prompts(commands)
    _add_db(commands)
    _add_jobs(commands)
    _add_answers(commands)
    _add_plugins(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _add(commands: _Commands[Parser], name: str, target: str, text: str) -> Parser:
    """target: `module:function` below `querygen_core.cli`."""
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False, add_help=False)
    _add_help(parser)
    parser.set_defaults(command=target)
    return parser


def _add_help(parser: Parser) -> None:
    """Add `--help` with a text in the form of the others; argparse's has no capital."""
    parser.add_argument("-h", "--help", action="help", help="Print this help and exit")


def _add_run(commands: _Commands[Parser]) -> None:
    run = _add(commands, "run", "run:run", "Run a job, resuming it if it was interrupted")
    _add_config(run)
    _add_product_flags(run)
    _add_sample_flag(run)
    _add_config_flags(run)
    _add_job_id_flag(run)
    run.add_argument(
        "--confirm", action="store_true", help="Show the plan and ask before anything is paid; needs a terminal"
    )
    _add_run_flags(run)


def _add_plan(commands: _Commands[Parser]) -> None:
    text = "Say what a run would send, cost and take; pays nothing, needs no key and changes nothing"
    plan = _add(commands, "plan", "plan:plan", text)
    _add_config(plan)
    _add_product_flags(plan)
    _add_sample_flag(plan)
    _add_config_flags(plan)
    _add_job_id_flag(plan)
    _add_state_flag(plan)
    _add_shard_flag(plan)
    plan.add_argument("--json", action="store_true", help="Print the plan as one JSON object")
    _add_log_flags(plan)


def _add_sample_flag(parser: Parser) -> None:
    parser.add_argument("--sample", metavar="N", type=_positive, help="Read only the first N records")


def _add_shard_flag(parser: Parser) -> None:
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="Process only this part, 0/N to N-1/N, of a job that N processes share (default: what AWS Batch says)",
    )


def _add_submit(commands: _Commands[Parser]) -> None:
    submit = _add(
        commands,
        "submit",
        "submit:submit",
        "Run a job on other machines, in shards; they must be able to read the input, unless --products-file sends it",
    )
    _add_config(submit)
    submit.add_argument(
        "--shards", metavar="N", type=_positive, required=True, help="Number of shards, at most runtime.partitions"
    )
    submit.add_argument(
        "--size", choices=("small", "medium", "large"), default="small", help="Size of each machine (default: small)"
    )
    submit.add_argument("--products-file", metavar="F", help="Upload this file and read products from it")
    submit.add_argument("--watch", action="store_true", help="Follow the job and exit with its exit code")
    _add_config_flags(submit)
    _add_job_id_flag(submit)
    submit.add_argument("--json", action="store_true", help="Print what was submitted as one JSON object")
    _add_log_flags(submit)
    submit.set_defaults(product=[])


def _add_config(parser: Parser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="Config file, or its URL (s3://…)")


def _add_product_flags(parser: Parser) -> None:
    parser.add_argument("--products-file", metavar="F", help="Read products from this file instead of the input")
    parser.add_argument(
        "--product",
        metavar="JSON",
        action="append",
        default=[],
        help="Use this product instead of the input; may be repeated",
    )


def _add_job_id_flag(parser: Parser) -> None:
    parser.add_argument("--job-id", metavar="J", help="Job id to use instead of the config's")


def _add_config_flags(parser: Parser) -> None:
    parser.add_argument(
        "--set",
        metavar="K=V",
        action="append",
        default=[],
        help="Override a key of the config, such as runtime.concurrency=8; may be repeated",
    )


def _add_state_flag(parser: Parser) -> None:
    help_ = "Folder for the state of all jobs (default: $QUERYGEN_STATE_DIR, else .querygen)"
    parser.add_argument("--state-dir", metavar="D", help=help_)


def _add_run_flags(parser: Parser) -> None:
    _add_state_flag(parser)
    _add_shard_flag(parser)
    parser.add_argument(
        "--no-wait", action="store_true", help="Exit with 75 instead of waiting when a provider asks for a long pause"
    )
    parser.add_argument("--json", action="store_true", help="Print the report as one JSON object")
    _add_log_flags(parser)


def _add_log_flags(parser: Parser) -> None:
    levels = ("debug", "info", "warning", "error")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument(
        "-q", "--quiet", action="store_true", help="Errors and the result only: no progress, no warnings"
    )
    amount.add_argument(
        "--log-level",
        metavar="L",
        choices=levels,
        default="info",
        help=f"Lowest level to log: {', '.join(levels)} (default: info)",
    )
    parser.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="Form of the log lines (default: text)"
    )


def _add_check(commands: _Commands[Parser]) -> None:
    check = _add(
        commands,
        "check",
        "check:check",
        "Report all problems of a config, its local secrets and its local input at once, without a paid call",
    )
    _add_config(check)
    scope = check.add_mutually_exclusive_group()
    scope.add_argument(
        "--connect",
        action="store_true",
        help="Also fetch all secrets, read a record, describe each model, and try journal, sinks and observers",
    )
    scope.add_argument(
        "--config-only",
        action="store_true",
        help="Do not look for secrets and input, for machines that have none, such as those that build images",
    )
    _add_product_flags(check)
    _add_config_flags(check)
    _add_log_flags(check)


def _add_prompts(commands: _Commands[Parser]) -> None:
    prompts = _add(commands, "prompts", "", "Work on prompts").add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )
    render = _add(prompts, "render", "prompts:render", "Print the requests for one product without sending them")
    _add_config(render)
    render.add_argument("--generator", metavar="G", help="Only the request of this generator")
    render.add_argument("--key", metavar="K", help="Product with this key or product id (default: the first)")
    render.add_argument("--refill", action="store_true", help="A refill's request, with made-up earlier questions")
    _add_product_flags(render)
    _add_config_flags(render)
    _add_log_flags(render)


def _add_db(commands: _Commands[Parser]) -> None:
    actions = _add(commands, "db", "", "Prepare, check or query the databases of a config").add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )
    init = _add(actions, "init", "db:init", "Create what is missing in a config's databases and change nothing else")
    check = _add(actions, "check", "db:check", "Report what is missing in a config's databases without changing them")
    query = _add(actions, "query", "db:query", "Print the rows that a read-only SQL statement selects")
    for parser in (init, check, query):
        _add_config(parser)
    query.add_argument("sql", metavar="SQL", help="One SQL statement that only reads")
    query.add_argument(
        "--database", metavar="IDENTITY", help="Database, as `db check` prints it (default: the first of the config)"
    )
    query.add_argument("--json", action="store_true", help="Print the rows as one JSON array of objects")
    for parser in (init, check, query):
        _add_config_flags(parser)
        _add_log_flags(parser)


def _add_jobs(commands: _Commands[Parser]) -> None:
    retry = _add(commands, "retry", "jobs:retry", "Run a job again, retrying the requests without a usable answer")
    _add_job(retry)
    _add_run_flags(retry)
    report = _add(commands, "report", "jobs:report", "Print the last report of a job, merged from its shards")
    _add_job(report)
    _add_state_flag(report)
    report.add_argument("--json", action="store_true", help="Print the report as one JSON object")
    salvage = _add(
        commands,
        "salvage",
        "salvage:salvage",
        "Keep what can be read of a damaged state, and move the damaged file aside",
    )
    _add_job(salvage)
    _add_state_flag(salvage)
    forget = _add(commands, "forget", "jobs:forget", "Remove a job's state; answers belong to all jobs and stay")
    _add_job(forget)
    _add_state_flag(forget)
    jobs = _add(commands, "jobs", "job_list:jobs", "List the jobs in a state folder: running, ended or killed")
    jobs.add_argument("config", metavar="CONFIG", nargs="?", help="List the jobs in the state folder of this config")
    _add_config_flags(jobs)
    _add_state_flag(jobs)
    jobs.add_argument("--json", action="store_true", help="Print the jobs as one JSON array")


def _add_job(parser: Parser) -> None:
    help_ = "Config file or its URL (an existing file, *.yaml, …://…), or job id"
    parser.add_argument("job", metavar="CONFIG|JOB", help=help_)
    _add_job_id_flag(parser)
    _add_config_flags(parser)


def _add_answers(commands: _Commands[Parser]) -> None:
    actions = _add(commands, "answers", "", "Manage the answers that all jobs share").add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )
    prune = _add(actions, "prune", "answers:prune", "Delete old answers; asked again, they are paid again")
    prune.add_argument("config", metavar="CONFIG", nargs="?", help="Use the answer store of this config")
    prune.add_argument(
        "--older-than", metavar="DAYS", type=_days, required=True, help="Age from which to delete, such as 180d"
    )
    _add_config_flags(prune)
    _add_state_flag(prune)


def _add_plugins(commands: _Commands[Parser]) -> None:
    plugins = _add(commands, "plugins", "", "List, describe or create plugins").add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=Parser
    )
    listing = _add(plugins, "list", "plugins:list_plugins", "List the installed plugins and their components")
    listing.add_argument("--json", action="store_true", help="Print the components as one JSON array")
    info = _add(plugins, "info", "plugins:info", "Describe the components of a plugin, with their options")
    info.add_argument("name", metavar="NAME", help="Plugin, or plugin/component")
    new = _add(plugins, "new", "scaffold:new", "Create a plugin of one kind, with working code and its tests")
    new.add_argument("name", metavar="NAME", help="Lower-case words joined by dashes, as in `use: NAME/model`")
    new.add_argument("--kind", metavar="K", choices=KINDS, help=f"One of {', '.join(KINDS)}")
    new.add_argument(
        "--folder", metavar="D", help="Folder to create (default: plugins/NAME if there is a folder plugins, else NAME)"
    )
    _add(
        commands,
        "schema",
        "schema:schema",
        "Print the JSON Schema of configs, with the options of all installed plugins",
    )
    extras = _add(commands, "extras", "schema:extras", "Print the plugins that a config needs, one per line")
    extras.add_argument("config", metavar="CONFIG", help="Config file")


def _days(text: str) -> int:
    number = text.removesuffix("d")
    if not (number.isascii() and number.isdigit() and len(number) < 6 and text.endswith("d")):
        raise argparse.ArgumentTypeError(f"should be a number of days such as 180d, not {text!r}")
    return int(number)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"should be a whole number of at least 1, not {text!r}")
    return int(text)
