"""Careless plugins show their secrets in every message they have; nothing that leaves the process may hold one."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

CANARY = "c4n4ry/+s3cret&\"'é\\kaputt"
FORMS = {
    "plain": CANARY,
    "url": quote(CANARY, safe=""),
    "base64": base64.b64encode(CANARY.encode()).decode().rstrip("="),
    "json": json.dumps(CANARY)[1:-1],
    "json, not ASCII": json.dumps(CANARY, ensure_ascii=False)[1:-1],
    "core": "c4n4ry",
}


def found_in(folder: Path, *texts: str) -> list[str]:
    """Where the canary shows, in whichever form."""
    places = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    places |= {f"text {number}": text.encode() for number, text in enumerate(texts)}
    return [
        f"{place}: {name} near {content[content.index(form.encode()) - 60 :][:120]!r}"
        for place, content in places.items()
        for name, form in FORMS.items()
        if form.encode() in content
    ]


SAYS = ("questions", "auth", "quota", "retry", "bad_request", "blocked", "raise")
FAILS = ("", "permanent", "auth", "raise", "refuse")


@pytest.mark.parametrize(("says", "fails"), [*((says, "") for says in SAYS), *(("questions", fail) for fail in FAILS)])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_leaves_the_process(here, job, tmp_path: Path, says: str, fails: str, log_format: str):
    secret = "${secret:env:LAB_KEY}"
    job(
        models={"m": {"use": "lab/model", "says": says, "key": secret}},
        sinks=[{"use": "lab/table", "path": "table.json", "fails": fails, "password": secret}],
        observers=[{"use": "lab/ear", "path": "events.jsonl"}],
        runtime={"retry_for": 0, "concurrency": 4},
    )
    words = ["run", "job.yaml", "--log-level", "debug", "--log-format", log_format]
    ended = [here(*words, LAB_KEY=CANARY), here(*words, "--json", LAB_KEY=CANARY), here("report", "job")]
    assert found_in(tmp_path, *(text for one in ended for text in (one.out, one.err))) == []
    letters = (tmp_path / ".querygen" / "job" / "dead_letters.jsonl").read_text()
    shown = "".join(one.err + one.out for one in ended) + letters
    assert "***" in shown or (says, fails) in {("questions", ""), ("blocked", "")}, "the plugin was not careless"


def test_a_secret_in_a_real_process_stays_inside(run, job, tmp_path: Path):
    """With tracebacks, uncaught errors in threads and whatever else a process prints by itself."""
    secret = "${secret:env:LAB_KEY}"
    job(
        models={"m": {"use": "lab/model", "says": "raise", "key": secret}},
        sinks=[{"use": "lab/table", "path": "table.json", "fails": "raise", "password": secret}],
    )
    ended = run("run", "job.yaml", "--log-level", "debug", LAB_KEY=CANARY)
    assert ended.code != 0
    assert found_in(tmp_path, ended.out, ended.err) == []
    config = json.loads((tmp_path / ".querygen" / "job" / "config.json").read_text())
    assert config["models"]["m"]["key"] == secret


def test_a_secret_in_plain_is_masked_in_all_that_is_kept(here, job, tmp_path: Path):
    job(models={"m": {"use": "lab/model", "says": "auth", "key": CANARY}})
    ended = here("run", "job.yaml", "--log-level", "debug")
    assert ended.code == 77
    (tmp_path / "job.yaml").unlink()  # where the user wrote it
    assert found_in(tmp_path, ended.out, ended.err) == []


def test_a_secret_file_is_read_and_kept_as_a_reference(here, job, tmp_path: Path):
    key = tmp_path / "key"
    key.write_text(f"{CANARY}\n")
    job(models={"m": {"use": "lab/model", "says": "auth", "key": "${secret:file:key}"}})
    ended = here("run", "job.yaml")
    assert ended.code == 77
    key.unlink()
    assert found_in(tmp_path, ended.out, ended.err) == []


def test_looking_at_a_config_alone_fetches_no_secret(here, job):
    job(models={"m": {"use": "lab/model", "key": "${secret:env:NOT_SET}"}})
    assert here("check", "job.yaml", "--config-only").code == 0
    assert here("prompts", "render", "job.yaml").code == 0


def test_what_was_fetched_and_reloaded_is_counted_and_told(here, job, tmp_path: Path):
    """Three calls find that the key does not do; the value stays what it was, so each has it fetched again."""
    (tmp_path / "keys.json").write_text(json.dumps({"model": CANARY, "db": "other-c4n4ry"}))
    job(
        models={"m": {"use": "lab/model", "says": "refresh", "key": "${secret:file:keys.json#model}"}},
        sinks=[{"use": "lab/table", "path": "table.json", "password": "${secret:file:keys.json#db}"}],
        observers=[{"use": "lab/ear", "path": "events.jsonl"}],
        runtime={"concurrency": 1},
    )
    ended = here("run", "job.yaml", "--json")
    assert ended.code == 0
    assert ended.json["secrets"] == {"fetched": 1, "reloaded": 3}
    events = [json.loads(line)[1:] for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    told = [data for kind, data in events if kind == "secret_reloaded"]
    assert told == [{"reference": "file:keys.json"}] * 3
    (tmp_path / "keys.json").unlink()
    assert found_in(tmp_path, ended.out, ended.err) == []


def test_a_password_in_a_secret_of_json_is_masked_by_itself(here, job, tmp_path: Path):
    """The whole of it is one value, as `dsn` takes it; what a part makes of it may get into its messages."""
    whole = json.dumps({"username": "admin", "password": CANARY, "port": 5432})
    job(
        models={
            "m": {
                "use": "lab/model",
                "says": f"the password is {CANARY}, of admin",
                "about": "Product",
                "key": "${secret:env:LAB_KEY}",
            }
        }
    )
    ended = here("run", "job.yaml", LAB_KEY=whole)
    (tmp_path / "job.yaml").unlink()
    letters = (tmp_path / ".querygen" / "job" / "dead_letters.jsonl").read_text()
    assert "the password is ***, of admin" in letters
    assert found_in(tmp_path / ".querygen" / "job" / "dead_letters.jsonl", ended.out, ended.err) == []


ADDRESSES = {
    "URL": (f"http://me:{quote(CANARY, safe='')}@proxy.example:3128", "***"),
    "URL of a variable": ("${PROXY}", "${PROXY}"),
    "URL with a secret": (
        "http://me:${secret:env:LAB_KEY}@proxy.example",
        "http://me:${secret:env:LAB_KEY}@proxy.example",
    ),
    "DSN": ("host=db password = 'c4n4ry and more' user=me", "***"),
    "DSN in a URL": ("postgresql://db/q?user=me&sslpassword=c4n4ry-5", "***"),
    "alone": ("${secret:env:LAB_KEY}", "${secret:env:LAB_KEY}"),
}


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=() if form.startswith("URL") else pytest.mark.slow) for form in ADDRESSES]
)
def test_a_password_in_any_text_is_masked(here, job, tmp_path: Path, form: str):
    """`about` is no secret but text, as a proxy's address is. The model puts it into its messages."""
    address, kept = ADDRESSES[form]
    job(models={"m": {"use": "lab/model", "says": "echo", "about": address}})
    environ = {"LAB_KEY": CANARY, "PROXY": f"http://me:{quote(CANARY, safe='')}@proxy.example"}
    ended = [here(*words, **environ) for words in (["check", "job.yaml"], ["run", "job.yaml"], ["report", "job"])]
    ended.append(here("run", "job.yaml", "--set", f"models.m.about={address}", "--log-level", "debug", **environ))
    assert [one.code for one in ended] == [0, 77, 0, 77], ended[1].err
    assert "no way by " in ended[1].err, "the model was not careless"
    config = json.loads((tmp_path / ".querygen" / "job" / "config.json").read_text())
    assert config["models"]["m"]["about"] == kept
    again = here("retry", "job", **environ)
    assert again.code == (78 if kept == "***" else 77)
    (tmp_path / "job.yaml").unlink()
    assert found_in(tmp_path, *(text for one in [*ended, again] for text in (one.out, one.err))) == []


def test_a_plan_needs_no_secret_in_a_text_either(here, job):
    job(models={"m": {"use": "lab/model", "about": "${secret:env:NOT_SET}"}})
    assert here("plan", "job.yaml").code == 0
    assert here("run", "job.yaml").code == 77
