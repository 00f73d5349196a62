"""From the first moment on a process can be told to go."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.process import install, querygen, write_config

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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)], ids=["term", "int"])
@pytest.mark.parametrize("moment", ["import", "build"])
def test_no_plugin_can_swallow_a_signal_while_the_run_is_being_prepared(tmp_path: Path, moment, number, code):
    site = install(tmp_path / "site", "slow", PLUGIN)
    write_config(
        tmp_path / "job.yaml",
        input={"use": "files/auto"},
        models={"m": {"use": "offline/model"}},
        generators=[{"name": "product", "prompt": "product", "model": "m"}],
        sinks=[{"use": "files/jsonl", "path": "out.jsonl"}],
        journal={"url": "slow://place/"},
    )
    ended = querygen("run", "job.yaml", cwd=tmp_path, path=[site], MOMENT=moment, SIGNAL=f"{int(number)}")
    assert (ended.code, ended.out) == (code, ""), ended.err
    assert "Traceback" not in ended.err
