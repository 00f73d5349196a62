"""The data: made once, whole or not at all, by the version that reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from querygen_postgres.embedded.layout import Layout
from querygen_postgres.embedded.programs import Programs
from querygen_postgres.embedded.refusal import Refusal, kind_of
from querygen_postgres.embedded.settings import SYNC_METHOD, include_settings

USER = "postgres"

_INITDB_PATIENCE = 120.0
_OPTIONS = (
    f"--sync-method={SYNC_METHOD}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
_REBUILD = "what it holds is rebuilt from the job's journal, without a call"


def prepare_cluster(layout: Layout, programs: Programs) -> None:
    """`data` and `password` are there and fit the programs, or Refusal."""
    if layout.data.exists():
        _check(layout, programs.folder / "postgres")
    else:
        _make(layout, programs)


def _check(layout: Layout, postgres: Path) -> None:
    version = layout.data / "PG_VERSION"
    if not version.exists() or not layout.password.exists():
        missing = "no database in its data" if layout.password.exists() else "no password"
        raise Refusal("permanent", f"{layout.folder} has {missing}: remove the folder; {_REBUILD}")
    made_by, this = version.read_text(encoding="ascii").strip(), _major_version(postgres)
    if made_by != this:
        message = f"{layout.data} was made by PostgreSQL {made_by}, but this is {this}: remove {layout.folder}"
        raise Refusal("permanent", f"{message}; {_REBUILD}")


def _major_version(postgres: Path) -> str:
    said = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    if not (match := re.search(r"\(PostgreSQL\) (\d+)", said.stdout)):
        raise Refusal("permanent", f"{postgres} does not run here: {said.stderr.strip() or said.returncode}")
    return match[1]


def _make(layout: Layout, programs: Programs) -> None:
    if layout.partial.exists():
        shutil.rmtree(layout.partial)
    _write_password(layout.password)
    begin = layout.log.stat().st_size
    where = ("--pgdata", str(layout.partial), "--username", USER, "--pwfile", str(layout.password))
    initdb = programs.start("initdb", *where, *_OPTIONS)
    try:
        failed = initdb.wait(_INITDB_PATIENCE)
    except subprocess.TimeoutExpired:
        initdb.kill()
        raise Refusal("retry", f"setting up {layout.data} took more than {_INITDB_PATIENCE:.0f} seconds") from None
    if failed:
        why = layout.last_words(begin)
        raise Refusal(kind_of(why), f"the server's data cannot be set up in {layout.data}: {why}")
    include_settings(layout.partial)
    layout.partial.rename(layout.data)
    _sync(layout.folder)


def _write_password(path: Path) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as password:
        password.write(os.urandom(24).hex())
        password.flush()
        os.fsync(file)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
