"""The entry point of the supervisor process.

It is run by its path, not with `-m`, which would import the package's `__init__` and with it querygen and psycopg:
0.3 s and 25 MB for a process that only waits.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType


def _register_package(name: str, folder: Path) -> None:
    """Make the modules of a package importable without running its `__init__`."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


if __name__ == "__main__":
    _register_package("querygen_embedded", Path(__file__).parent)
    import_module("querygen_embedded.supervisor").main(Path(sys.argv[1]), Path(sys.argv[2]))
