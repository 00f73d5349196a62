"""`querygen submit`: what is sent, that it is enough, and what is heard of it."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from querygen_core.api import Failure, Progress
from querygen_core.cli.watch import exit_code_of
from tests.cli.process import Ended, end, install, install_lab, querygen, start, wait_for
from tests.faults.shop import Shop

pytestmark = pytest.mark.slow

LANE = Path(__file__).with_name("querygen_lane.py")
PROMPTS = Path(__file__).parents[2] / "prompts"
PLAIN, OF_THE_ENVIRONMENT, UNRELATED = "plain-canary-8841", "env-canary-2207", "other-canary-5150"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = install_lab(tmp_path_factory.mktemp("site"))
    return install(folder, "lane", LANE.read_text("utf-8"))


@pytest.fixture
def submit(tmp_path: Path, site: Path, job):
    """`querygen submit job.yaml` with the sections given, sent to the folder `place`."""

    def call(
        *words: str, environ: dict[str, str] | None = None, lane: dict[str, Any] | None = None, **sections: Any
    ) -> Ended:
        job(submit={"use": "lane/local", "place": "place", **(lane or {"runs": False})}, **sections)
        return querygen("submit", "job.yaml", *words, cwd=tmp_path, path=[site], **(environ or {}))

    return call


def sent(folder: Path) -> dict[str, bytes]:
    """Name and content of all that is in the folder `place`."""
    place = folder / "place"
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def config_sent(folder: Path) -> dict[str, Any]:
    [content] = [content for name, content in sent(folder).items() if name.endswith("/config.json")]
    config: dict[str, Any] = json.loads(content)
    return config


def rows(*files: Path) -> list[str]:
    return sorted(line for file in files for line in file.read_text("utf-8").splitlines())


def test_shards_elsewhere_make_what_one_process_makes(tmp_path: Path, site: Path):
    """The prompts that are sent are this shop's own; where it runs there are others of the same names."""
    here, there = Shop(tmp_path / "here", latency_ms=0), tmp_path / "there"
    shutil.copytree(PROMPTS, here.folder / "prompts")
    market = here.folder / "prompts" / "market.j2"
    market.write_text(market.read_text("utf-8").replace("You ", "On this day you ", 1), encoding="utf-8")
    one = here.run()
    assert one.code == 0, one.err
    (there / "prompts").mkdir(parents=True)
    (there / "prompts" / "market.j2").write_text("{{ nothing }}")
    (there / "prompts" / "product.j2").write_text("{{ nothing }}")
    here.changes = {
        "submit": {"use": "lane/local", "place": "place", "home": str(there)},
        "input": {"use": "files/catalogue", "path": "not/here"},
    }
    here.write()
    ended = querygen(
        "submit",
        "shop.yaml",
        "--shards",
        "3",
        "--products-file",
        "catalogue.jsonl",
        "--watch",
        "--json",
        cwd=here.folder,
        path=[here.folder / "site", site],
    )
    logs = "".join(path.read_text() for path in there.glob("*.log"))
    assert ended.code == 0, ended.err + logs
    parts = [there / f"out.part-{index:05}-of-00003.jsonl" for index in range(3)]
    assert rows(*parts) == rows(here.folder / "out.jsonl")
    assert all(rows(part) for part in parts)
    report = json.loads((there / "report.out").read_text())
    assert (report["job_id"], report["input"], report["done"]) == ("shop", one.json["input"], one.json["done"])
    assert (there / "bill").stat().st_size == one.json["calls"]["new"], "the same requests"
    assert ended.json["exit_code"] == 0
    assert (ended.json["succeeded"], ended.json["failed"], ended.json["report"]) == (3, 0, "succeeded")
    assert "3 running" in ended.err


def test_a_bundle_is_the_config_and_its_prompts(submit, tmp_path: Path):
    """Two prompts of one name, each with its own file to include."""
    for folder, word in (("a", "good"), ("b", "bad")):
        path = tmp_path / folder / "ask.j2"
        path.parent.mkdir()
        path.write_text(
            "---\noutput: {properties: {questions: {type: array}}}\n---\n{% include 'it.j2' %} {{ product.title }}"
        )
        (path.parent / "it.j2").write_text(f"What is {word} about:")
    (tmp_path / "unused.j2").write_text("x")
    generators = [
        {"name": folder, "prompt": f"{folder}/ask.j2", "model": "m", "count": 3, "inputs": {}} for folder in ("a", "b")
    ]
    words = ("--json", "--set", "runtime.concurrency=7", "--job-id", "-x y", "--shards")
    ended = submit(*words, "2", generators=generators)
    assert ended.code == 0, ended.err
    files = sent(tmp_path)
    folder = next(name for name in files if name.endswith("/config.json")).removesuffix("/config.json")
    config = config_sent(tmp_path)
    prompts = [one["prompt"] for one in config["generators"]]
    assert set(files) == {
        f"{folder}/config.json",
        *(f"{folder}/{name}" for name in prompts),
        *(f"{folder}/{name.replace('ask.j2', 'it.j2')}" for name in prompts),
    }
    assert [files[f"{folder}/{name.replace('ask', 'it')}"] for name in prompts] == [
        b"What is good about:",
        b"What is bad about:",
    ]
    assert (config["job_id"], config["runtime"]["concurrency"], "submit" in config) == ("-x y", 7, False)
    told = ended.json
    assert (told["id"], told["shards"], told["size"]) == ("lane-1", 2, "small")
    assert told["config"] == f"{(tmp_path / 'place').as_uri()}/{folder}/config.json"
    assert told["follow"] == ["cat lane", f"querygen report {told['config']} '--job-id=-x y'"]
    before = sent(tmp_path)
    assert submit(*words, "64", generators=generators).code == 0
    assert sent(tmp_path) == before, "equal content, equal name"


def test_no_secret_is_sent(submit, tmp_path: Path):
    """A reference goes as it is; what else is in the environment, and how to submit, stays here."""
    sink = {"use": "lab/table", "name": "table", "path": "${TABLE}", "password": "${PASSWORD:-}x${secret:file:/run/pw}"}
    ended = submit(
        "--shards",
        "2",
        lane={"runs": False, "environ": {"A": UNRELATED}},
        models={"m": {"use": "lab/model", "key": "${secret:env:KEY}"}},
        sinks=[sink],
        environ={"KEY": OF_THE_ENVIRONMENT, "PASSWORD": OF_THE_ENVIRONMENT, "OTHER": UNRELATED, "TABLE": "table.json"},
    )
    assert ended.code == 0, ended.err
    config = config_sent(tmp_path)
    assert config["models"]["m"]["key"] == "${secret:env:KEY}"
    assert config["sinks"][0]["password"] == sink["password"]
    assert config["sinks"][0]["path"] == "table.json"
    everything = b"".join([*map(str.encode, sent(tmp_path)), *sent(tmp_path).values()])
    assert everything.count(b"${secret:env:KEY}") == 1, "the search looks at something"
    for canary in (OF_THE_ENVIRONMENT, UNRELATED, str(tmp_path)):
        assert canary.encode() not in everything
        assert canary not in ended.out + ended.err or canary == str(tmp_path)


@pytest.mark.parametrize(
    ("key", "sections"),
    [
        ("models.m.key", {"models": {"m": {"use": "lab/model", "key": PLAIN}}}),
        ("models.m.key", {"models": {"m": {"use": "lab/model", "key": f"${{NOT_SET:-{PLAIN}}}"}}}),
        ("models.m.says", {"models": {"m": {"use": "lab/model", "says": f"postgres://me:{PLAIN}@host/db"}}}),
        ("sinks[0].password", {"sinks": [{"use": "lab/table", "path": "t", "password": PLAIN}]}),
        ("sinks[0].path", {"sinks": [{"use": "lab/table", "path": "${TABLE}"}]}),
        (
            "sinks[0].password",
            {"sinks": [{"use": "lab/table", "path": "t", "password": f"x://me:{PLAIN}@${{secret:env:HOST}}"}]},
        ),
    ],
)
def test_a_secret_in_plain_is_refused_and_nothing_sent(submit, tmp_path: Path, key: str, sections: dict[str, Any]):
    ended = submit("--shards", "2", environ={"TABLE": f"x://me:{PLAIN}@host"}, **sections)
    assert ended.code == 78
    assert f"job.yaml: {key}: " in ended.err.splitlines()[-1]
    assert not (tmp_path / "place").exists()
    assert PLAIN not in ended.out + ended.err


@pytest.mark.parametrize(("shards", "code"), [("0", 64), ("65", 64), ("x", 64), ("64", 0)])
def test_how_many_shards_there_may_be(submit, shards: str, code: int):
    ended = submit("--shards", shards)
    assert ended.code == code
    assert code == 0 or "shards" in ended.err


def test_more_partitions_allow_more_shards(submit):
    assert submit("--shards", "65", "--set", "runtime.partitions=65").code == 0
    ended = submit("--shards", "5", "--set", "runtime.partitions=4")
    assert (ended.code, "5 shards are more than the 4 partitions" in ended.err) == (64, True)


def test_folders_of_where_it_runs_are_not_needed_here(submit, tmp_path: Path):
    assert submit("--shards", "2", runtime={"state_dir": "/proc/state"}).code == 0
    assert config_sent(tmp_path)["runtime"]["state_dir"] == "/proc/state"
    assert not (tmp_path / ".querygen").exists()


def test_a_file_of_products_is_sent_by_its_own_name(submit, tmp_path: Path):
    (tmp_path / "my products #1.csv").write_text("id,title\n1,Kettle\n")
    words = ("--shards", "2", "--json", "--products-file")
    ended = submit(*words, "my products #1.csv")
    assert ended.code == 0, ended.err
    [name] = [name for name in sent(tmp_path) if name.startswith("products/")]
    assert name.endswith("/my_products__1.csv")
    assert sent(tmp_path)[name] == b"id,title\n1,Kettle\n"
    assert config_sent(tmp_path)["input"]["use"] == "files/auto"
    assert submit(*words, "missing.csv").code == 66
    assert submit(*words, "s3://bucket/products.csv").code == 0, "that is there already"
    assert len([name for name in sent(tmp_path) if name.startswith("products/")]) == 1


def test_who_runs_it_is_clear_or_asked_for(here, job, tmp_path: Path, site: Path, monkeypatch):
    job()
    nobody = here("submit", "job.yaml", "--shards", "2", "--set", "submit.use=lab/model")
    assert (nobody.code, "submit.use" in nobody.err) == (78, True)
    monkeypatch.syspath_prepend(site)
    several = here("submit", "job.yaml", "--shards", "2")
    assert several.code == 78
    assert "aws/batch, lane/local" in several.err
    chosen = here("submit", "job.yaml", "--shards", "2", "--set", "submit={use: lane/local, place: p, runs: false}")
    assert chosen.code == 0, chosen.err


def test_shards_that_fail_are_named_and_the_worst_code_is_ours(submit, tmp_path: Path):
    """Here all of them do: the model refuses the key for good."""
    ended = submit(
        "--shards",
        "2",
        "--watch",
        lane={"home": str(tmp_path)},
        models={"m": {"use": "lab/model", "says": "auth"}},
        input={"use": "lab/shelf", "count": 20},
    )
    assert ended.code == 77, ended.err
    for index in range(2):
        assert f"shard {index} ended with exit code 77: it failed (log: shard-{index}.log)" in ended.err
    assert "0 succeeded, 2 failed; report: failed" in ended.err


def failed(*codes: int | None, report: int | None = None) -> Progress:
    shards = [Failure(shard=index, exit_code=code) for index, code in enumerate(codes)]
    last = Failure(shard=None, exit_code=report)
    return Progress(succeeded=1, failed=len(codes), report="failed", failures=(*shards, last))


@pytest.mark.parametrize(
    ("progress", "code"),
    [
        (Progress(succeeded=3, report="succeeded"), 0),
        (failed(75, 69, 74), 74),
        (failed(75, None), 75),
        (failed(77, 78, 66), 78),
        (failed(75, 137), 70),
        (failed(130), 75),
        (failed(66, report=70), 66),
        (failed(report=70), 70),
        (failed(report=None), 75),
    ],
)
def test_the_code_that_tells_most(progress: Progress, code: int):
    assert exit_code_of(progress) == code


def test_ctrl_c_ends_the_watching_only(submit, tmp_path: Path, site: Path, job):
    job(submit={"use": "lane/local", "place": "place", "runs": False, "stalls": True})
    process = start("submit", "job.yaml", "--shards", "2", "--watch", "--json", cwd=tmp_path, path=[site])
    assert wait_for(process, (tmp_path / "stalling").exists)
    process.send_signal(signal.SIGINT)
    ended = end(process)
    assert ended.code == 130
    assert "the job itself continues" in ended.err
    assert (ended.json["id"], ended.json["running"]) == ("lane-1", 2)
