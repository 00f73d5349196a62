"""Where the keeper's process begins. It is run by its path, not with `-m`: that would import the packages above, which
a process that only waits has no use for, at 0.3 s and 25 MB.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType


def _hollow(name: str, folder: Path) -> None:
    """A package that is found here, its `__init__` left out."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


if __name__ == "__main__":
    HERE = Path(__file__).parent
    _hollow("querygen_postgres", HERE.parent)
    _hollow("querygen_postgres.embedded", HERE)
    import_module("querygen_postgres.embedded.keeper").main(Path(sys.argv[1]), Path(sys.argv[2]))
