"""From the first moment on a process can be told to go."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from querygen_core.contracts.early_exit import CODES
from querygen_core.contracts.errors import Exit
from tests.cli.process import install, querygen, write_config
from tests.report.promised import KEYS

PLUGIN = """\
import os, signal, time
from querygen_core.api import Component, Options, hookimpl

def maybe(moment):
    if os.environ["MOMENT"] == moment:
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        time.sleep(60)

maybe("import")

def build(options, context):
    maybe("build")
    raise ValueError("nobody told it to go")

@hookimpl
def querygen_storages():
    return [Component("slow", Options, build, "Takes its time.")]
"""


@pytest.mark.parametrize(
    ("moment", "number", "words"),
    [
        ("import", signal.SIGTERM, ["--json", "--log-format", "json"]),
        ("import", signal.SIGINT, []),
        ("build", signal.SIGTERM, []),
        ("build", signal.SIGHUP, ["--json", "--log-format=json"]),
    ],
    ids=["term-import", "int-import", "term-build", "hup-build"],
)
def test_no_plugin_can_swallow_a_signal_while_the_run_is_being_prepared(tmp_path: Path, moment, number, words):
    site = install(tmp_path / "site", "slow", PLUGIN)
    write_config(
        tmp_path / "job.yaml",
        input={"use": "files/auto"},
        models={"m": {"use": "offline/model"}},
        generators=[{"name": "product", "prompt": "product", "model": "m"}],
        sinks=[{"use": "files/jsonl", "path": "out.jsonl"}],
        journal={"url": "slow://place/"},
    )
    given = {"MOMENT": moment, "SIGNAL": f"{int(number)}"}
    ended = querygen("run", "job.yaml", *words, cwd=tmp_path, path=[site], **given)
    assert (ended.code, ended.out == "") == (CODES[number], not words), ended.err
    assert ended.err.count("\n") == 1
    if words:
        assert ended.json.keys() >= KEYS
        assert (ended.json["exit_code"], ended.json["stopped_by"]) == (ended.code, "signal")
        line = json.loads(ended.err)
        said = f"[RUN] {ended.json['message']} [stopped_by=signal exit_code={ended.code}]"
        assert (line["level"], line["message"]) == ("ERROR", said)
    else:
        assert "before the run began; nothing was asked or delivered" in ended.err


def test_the_codes_are_those_that_are_documented():
    assert CODES == {
        signal.SIGTERM: Exit.TRY_AGAIN,
        signal.SIGHUP: Exit.TRY_AGAIN,
        signal.SIGINT: Exit.INTERRUPTED,
    }
