"""A config that is named by the URL of a storage."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.cli.process import install

PROMPTS = Path(__file__).parents[2] / "prompts"


@pytest.fixture(autouse=True)
def scratch(monkeypatch, tmp_path_factory):
    """A test's own process ends long after the command, and so would what it brought."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("scratch")))


def test_a_config_at_a_url_is_like_one_here(here, job, tmp_path: Path, monkeypatch):
    """Beside it are its prompts; another folder is the current one."""
    job(generators=[{"name": "p", "prompt": "mine", "model": "m", "count": 3}])
    there = tmp_path / "over there"
    (there / "prompts").mkdir(parents=True)
    (tmp_path / "job.yaml").rename(there / "job.yaml")
    shutil.copy(PROMPTS / "product.j2", there / "prompts" / "mine.j2")
    for file in PROMPTS.glob("_*.j2"):
        shutil.copy(file, there / "prompts")
    url = (there / "job.yaml").as_uri()
    ended = here("run", url, "--json")
    assert ended.code == 0, ended.err
    assert (ended.json["job_id"], ended.json["done"]) == ("job", 3)
    assert here("check", url).out.startswith(f"{url}: valid, job job")
    (there / "prompts" / "mine.j2").write_text("{% if %}")
    broken = here("check", url)
    assert broken.code == 78
    assert f"{url.rpartition('/')[0]}/prompts/mine.j2:1" in broken.err
    assert here("retry", "job").code == 78, "what it was loaded from is known"


@pytest.mark.parametrize(
    ("url", "code", "what"),
    [
        ("file:///nowhere/job.yaml", 66, "/nowhere/job.yaml: there is no such file"),
        ("file:///", 78, "leads outside"),
        ("file:///etc", 78, "Is a directory"),
        ("swift://bucket/job.yaml", 78, "no installed plugin reads 'swift://'"),
    ],
)
def test_a_url_that_leads_nowhere(here, url: str, code: int, what: str):
    ended = here("run", url)
    assert ended.code == code
    assert what in ended.err


def test_a_config_in_a_crowd_is_refused(here, job, tmp_path: Path):
    job()
    (tmp_path / "large.bin").write_bytes(bytes(65 << 20))
    large = here("check", (tmp_path / "job.yaml").as_uri())
    assert (large.code, "exceed 64 MiB" in large.err) == (78, True)
    (tmp_path / "large.bin").unlink()
    for number in range(1001):
        (tmp_path / f"{number}").touch()
    many = here("check", (tmp_path / "job.yaml").as_uri())
    assert (many.code, "more than 1,000 files" in many.err) == (78, True)


def test_what_was_brought_is_gone_afterwards(run, job, tmp_path: Path):
    job()
    (tmp_path / "scratch").mkdir()
    ended = run("run", (tmp_path / "job.yaml").as_uri(), TMPDIR=str(tmp_path / "scratch"))
    assert ended.code == 0, ended.err
    assert list((tmp_path / "scratch").iterdir()) == []


ODD = '''
import io, json
from pathlib import Path
from querygen_core.api import Component, Options, hookimpl

querygen_api = 1

class Store:
    """Objects of a file objects.json, by name: a name may be anything, unlike that of a file."""

    def __init__(self):
        self.objects = json.loads(Path("objects.json").read_text())

    def open(self, url):
        return io.BytesIO(self.objects[url.removeprefix("odd://")].encode())

    def list(self, url):
        return [f"odd://{name}" for name in self.objects if f"odd://{name}".startswith(url)]

@hookimpl
def querygen_storages():
    return [Component("odd", Options, lambda options, context: Store(), "Reads odd names")]
'''


@pytest.fixture
def store(tmp_path: Path, monkeypatch):
    """Makes the config job.yaml an object `b/<name>` of a store, beside others."""
    monkeypatch.syspath_prepend(install(tmp_path / "odd plugin", "oddnames", ODD))
    monkeypatch.chdir(tmp_path)

    def keep(name: str, *others: str) -> None:
        objects = {**dict.fromkeys(others, "x"), f"b/{name}": (tmp_path / "job.yaml").read_text()}
        (tmp_path / "objects.json").write_text(json.dumps(objects))

    return keep


def test_objects_whose_names_no_file_can_have_are_left_out(here, job, store):
    job()
    store("job.yaml", "b/a", "b/a/b", "b/a/b/c", f"b/{'n' * 300}", f"b/{'n' * 300}/x", "b/ok")
    ended = here("run", "odd://b/job.yaml")
    assert ended.code == 0, ended.err
    assert "not downloaded with the config, since no file can have its name: odd://b/a/b (" in ended.err
    assert ended.err.count("no file can have its name") == 4
    assert "b/ok" not in ended.err


def test_a_config_whose_name_no_file_can_have(here, job, store):
    job()
    store(f"{'n' * 300}.yaml")
    ended = here("run", f"odd://b/{'n' * 300}.yaml")
    assert ended.code == 78
    assert "cannot be kept in a local file: File name too long" in ended.err
