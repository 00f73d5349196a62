"""The command line's grammar: argparse, which costs the least to start."""

from __future__ import annotations

import argparse
from typing import NoReturn

from querygen_core import __version__
from querygen_core.errors import UsageError

_EPILOG = """exit codes:
  0 done   64 usage   65 input unusable   66 input missing   69 provider refuses or budget reached   70 bug
  74 a sink failed for good, data safe   75 try again   77 credentials   78 config   130 interrupted"""


class Parser(argparse.ArgumentParser):
    """argparse leaves with 2 on bad usage; we have 64, and one message."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="querygen",
        description="Product and market questions for every product of a catalogue, delivered exactly once.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"querygen {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=Parser)
    _add_run(commands)
    _add_submit(commands)
    _add_check(commands)
    _add_prompts(commands)
    _add_db(commands)
    _add_jobs(commands)
    _add_plugins(commands)
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _add(commands: _Commands[Parser], name: str, target: str, text: str) -> Parser:
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    parser.set_defaults(command=target)
    return parser


def _add_run(commands: _Commands[Parser]) -> None:
    run = _add(commands, "run", "run:run", "run a job; one that was interrupted goes on where it was")
    run.add_argument("config", metavar="CONFIG")
    run.add_argument("--products-file", metavar="F", help="read products from this file (input: files/auto)")
    run.add_argument(
        "--product", metavar="JSON", action="append", default=[], help="a product; may be repeated (input: files/auto)"
    )
    run.add_argument("--sample", metavar="N", type=_positive, help="read the first N records only")
    _add_config_flags(run)
    run.add_argument("--job-id", metavar="J", help="run under this job id")
    _add_run_flags(run)


def _add_submit(commands: _Commands[Parser]) -> None:
    submit = _add(
        commands, "submit", "submit:submit",
        "run a job elsewhere, in shards; its catalogue has to be where these can read it (s3://…), or is sent along",
    )  # fmt: skip
    submit.add_argument("config", metavar="CONFIG")
    submit.add_argument("--shards", metavar="N", type=_positive, required=True, help="into how many processes, 1 to 64")
    submit.add_argument(
        "--size", choices=("small", "medium", "large"), default="small", help="of each (default: small)"
    )
    submit.add_argument("--products-file", metavar="F", help="send this file along, and read products from it")
    submit.add_argument("--watch", action="store_true", help="stay, tell how it goes, and end as the job does")
    _add_config_flags(submit)
    submit.add_argument("--job-id", metavar="J", help="run under this job id")
    submit.add_argument("--json", action="store_true", help="print what was submitted as one JSON object")
    _add_log_flags(submit)
    submit.set_defaults(product=[])


def _add_config_flags(parser: Parser) -> None:
    parser.add_argument(
        "--set", metavar="K=V", action="append", default=[], help="override a key: runtime.concurrency=8"
    )


def _add_state_flag(parser: Parser) -> None:
    help_ = "folder of all jobs' state (default: $QUERYGEN_STATE_DIR, else .querygen)"
    parser.add_argument("--state-dir", metavar="D", help=help_)


def _add_run_flags(parser: Parser) -> None:
    _add_state_flag(parser)
    parser.add_argument("--no-wait", action="store_true", help="end with 75 where the provider asks for a long pause")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    _add_log_flags(parser)


def _add_log_flags(parser: Parser) -> None:
    levels = ("debug", "info", "warning", "error")
    parser.add_argument("--log-level", metavar="L", choices=levels, default="info", help=f"one of {', '.join(levels)}")
    parser.add_argument("--log-format", choices=("text", "json"), default="text")


def _add_check(commands: _Commands[Parser]) -> None:
    check = _add(commands, "check", "check:check", "validate a config, all problems at once; spends nothing")
    check.add_argument("config", metavar="CONFIG")
    tried = "credentials, models, the journal, inputs, sinks and observers"
    check.add_argument("--connect", action="store_true", help=f"also try {tried}")
    _add_config_flags(check)
    _add_log_flags(check)


def _add_prompts(commands: _Commands[Parser]) -> None:
    prompts = _add(commands, "prompts", "", "work on prompts").add_subparsers(
        metavar="ACTION", required=True, parser_class=Parser
    )
    render = _add(prompts, "render", "prompts:render", "show the requests for one product, without a call")
    render.add_argument("config", metavar="CONFIG")
    render.add_argument("--generator", metavar="G", help="only this generator's")
    render.add_argument("--key", metavar="K", help="the product with this key or product id (default: the first)")
    render.add_argument("--products-file", metavar="F")
    render.add_argument("--product", metavar="JSON", action="append", default=[])
    _add_config_flags(render)
    _add_log_flags(render)


def _add_db(commands: _Commands[Parser]) -> None:
    actions = _add(commands, "db", "", "prepare, check or ask the databases of a config").add_subparsers(
        metavar="ACTION", required=True, parser_class=Parser
    )
    init = _add(actions, "init", "db:init", "make what a config's databases lack; what is there stays")
    check = _add(actions, "check", "db:check", "say what a config's databases lack; changes nothing")
    query = _add(actions, "query", "db:query", "show what one statement reads from a config's database")
    for parser in (init, check, query):
        parser.add_argument("config", metavar="CONFIG")
    query.add_argument("sql", metavar="SQL", help="one statement that changes nothing")
    query.add_argument("--database", metavar="IDENTITY", help="as `db check` shows it (default: the config's first)")
    query.add_argument("--json", action="store_true", help="as one JSON array of objects")
    for parser in (init, check, query):
        _add_config_flags(parser)
        _add_log_flags(parser)


def _add_jobs(commands: _Commands[Parser]) -> None:
    retry = _add(commands, "retry", "jobs:retry", "process a job's dead letters again")
    retry.add_argument("job", metavar="JOB")
    _add_run_flags(retry)
    report = _add(commands, "report", "jobs:report", "show the last report of a job, that of its shards as one")
    report.add_argument("job", metavar="JOB")
    report.add_argument("--config", metavar="CONFIG", help="ask the journal of this config, not this machine's disk")
    _add_config_flags(report)
    _add_state_flag(report)
    report.add_argument("--json", action="store_true", help="as one JSON object")
    jobs = _add(commands, "jobs", "jobs:jobs", "list the jobs that this machine knows")
    _add_state_flag(jobs)
    jobs.add_argument("--json", action="store_true", help="as one JSON array")


def _add_plugins(commands: _Commands[Parser]) -> None:
    plugins = _add(commands, "plugins", "", "list, explain or start plugins").add_subparsers(
        metavar="ACTION", required=True, parser_class=Parser
    )
    listing = _add(plugins, "list", "plugins:list_plugins", "what is installed")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    info = _add(plugins, "info", "plugins:info", "a plugin's components, or a component's options")
    info.add_argument("name", metavar="NAME", help="plugin, or plugin/component")
    new = _add(plugins, "new", "plugins:new", "start a plugin from the template")
    new.add_argument("name", metavar="NAME", help="lower-case, as in `use: name/model`")
    new.add_argument("--folder", metavar="D", help="where to write it (default: plugins/NAME here, or NAME)")
    _add(commands, "schema", "schema:schema", "print the JSON Schema of configs, installed plugins included")
    extras = _add(commands, "extras", "schema:extras", "print the plugins that a config needs, one per line")
    extras.add_argument("config", metavar="CONFIG")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


_positive.__name__ = "positive number"
