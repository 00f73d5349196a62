"""`querygen check CONFIG --connect`: everything that can be known without paying."""

from __future__ import annotations

import socket

import pytest

from gemini_fixtures import KEY
from tests.cli.process import Ended
from tests.jobs.gemini.jobs import Job

pytestmark = pytest.mark.slow

WRONG = "AIzaWrong-5555555555-of-a-test"


@pytest.fixture
def job(server, tmp_path) -> Job:
    return Job(tmp_path / "job", products=2, url=server.url)


def _checked(job: Job, **environ: str) -> Ended:
    ended = job.command("check", "shop.yaml", "--connect", "--log-level", "warning", **environ)
    assert "Traceback" not in ended.err
    return ended


def _said_of(model: str, ended: Ended) -> str:
    """The one line on this model."""
    lines = [line for line in ended.err.splitlines() if f"models.{model}:" in line]
    assert len(lines) == 1, ended.err
    return lines[0]


def test_all_is_well(job, server):
    ended = _checked(job)
    assert (ended.code, ended.err) == (0, "")
    assert "valid, job shop" in ended.out
    assert server.stats()["requests"] == 0, "no call that costs"
    assert server.stats()["other"] == {"GET model": 2}


@pytest.mark.slow
@pytest.mark.parametrize("state", ["revoked", "leaked"])
def test_a_wrong_key_is_77(job, server, state):
    server.set_keys(**{WRONG: state})
    ended = _checked(job, GEMINI_API_KEY=WRONG)
    assert ended.code == 77, ended.err
    for model in ("product", "market"):
        assert "check api_key" in _said_of(model, ended)
    assert WRONG not in ended.out + ended.err
    assert server.stats()["requests"] == 0


def test_no_key_is_77(job, server):
    ended = _checked(job, GEMINI_API_KEY="")
    assert ended.code == 77, ended.err
    named = [line.partition(": ")[2] for line in ended.err.splitlines() if " INFO " not in line]
    missing = "the secret in the environment variable GEMINI_API_KEY is empty"
    assert named == [f"models.{model}.api_key: {missing}" for model in ("product", "market")]
    assert server.stats()["other"] == {}


def test_a_model_that_is_not_there_is_69(job, server):
    job.of_market = {"model": "gemini-0-nothing"}
    job.write()
    ended = _checked(job)
    assert ended.code == 69, ended.err
    said = _said_of("market", ended)
    assert "gemini-0-nothing" in said
    assert "check model and api_version" in said
    assert "models.product" not in ended.err
    assert server.stats()["requests"] == 0


@pytest.mark.slow
def test_a_server_that_is_not_there_is_75(job):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        job.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    job.write()
    ended = _checked(job)
    assert ended.code == 75, ended.err
    assert "ConnectError" in _said_of("product", ended)
    assert KEY not in ended.err


def _run(job: Job, **environ: str) -> Ended:
    return job.command("run", "shop.yaml", "--json", "--log-level", "warning", **environ)


def test_a_run_with_a_model_that_is_not_there_is_69_and_pays_nothing(job, server):
    """The other generator's model is there, and would be paid first."""
    job.of_market = {"model": "gemini-0-nothing"}
    job.write()
    ended = _run(job)
    assert (ended.code, ended.json["stopped_by"], ended.json["calls"]["job"]) == (69, "dead_model", 0), ended.err
    assert "model 'market' fails (bad_request): gemini 404" in ended.err
    assert server.stats()["requests"] == 0


@pytest.mark.slow
def test_a_run_with_a_wrong_key_is_77_and_pays_nothing(job, server):
    server.set_keys(**{WRONG: "revoked"})
    ended = _run(job, GEMINI_API_KEY=WRONG)
    assert (ended.code, ended.json["stopped_by"], ended.json["calls"]["job"]) == (77, "auth", 0), ended.err
    assert WRONG not in ended.out + ended.err
    assert server.stats()["requests"] == 0
