"""A config that is in a storage: it and all that is beside it, brought into a folder here."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from querygen_core.errors import ConfigError, Exit, InputError
from querygen_core.prompts.sources import inside
from querygen_core.protocols import Storage
from querygen_core.registry import Registry

_MOST_FILES = 1000
_MOST_BYTES = 64 << 20
_AT_ONCE = 1 << 20

log = logging.getLogger("querygen.config")


def bring(url: str, registry: Registry) -> Path:
    """The config at `url`, now a file in a folder of its own that is gone when the process ends.

    What lies under the config's folder comes with it, so that its prompts are beside it, as they are for a local one.

    Raises:
        MissingInput: there is no such object. CredentialsError: it must not be read. ConfigError: it cannot be a
        config's, or there is too much beside it.
    """
    scheme = url.partition("://")[0]
    storage = registry.storage(scheme)
    folder = Path(tempfile.mkdtemp(prefix="querygen-config-"))  # 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    read = unquote if scheme == "file" else str  # in other URLs nothing is escaped
    above, _, name = url.rpartition("/")
    file = inside(folder, read(name))
    _config(storage, url, file)
    _what_is_beside(storage, f"{above}/", folder, read)
    return file


def _config(storage: Storage, url: str, file: Path) -> None:
    try:
        _copy(storage, url, file, _MOST_BYTES)
    except InputError as exc:
        if exc.exit_code != Exit.INPUT_UNUSABLE:
            raise
        raise ConfigError(str(exc)) from None


def _what_is_beside(storage: Storage, above: str, folder: Path, read: Callable[[str], str]) -> None:
    left = _MOST_BYTES
    for url, name in _names(storage, above, read):
        path = inside(folder, name)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            left -= _copy(storage, url, path, left)
        except InputError as exc:
            if exc.exit_code == Exit.TRY_AGAIN:
                raise
            log.warning("left out: %s", exc)
            path.unlink(missing_ok=True)


def _names(storage: Storage, above: str, read: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """URL and name below `above` of each object there; what stands for a folder is none."""
    for number, url in enumerate(storage.list(above), 1):
        if number > _MOST_FILES:
            raise ConfigError(f"{above}: there are more than {_MOST_FILES} files; give the config a folder of its own")
        name = read(url).removeprefix(read(above))
        if name and not name.endswith("/"):
            yield url, name


def _copy(storage: Storage, url: str, path: Path, most: int) -> int:
    """How many bytes it has."""
    done = 0
    with closing(storage.open(url)) as stream, path.open("wb") as file:
        while piece := stream.read(_AT_ONCE):
            done += len(piece)
            if done > most:
                message = f"with what is beside it the config has more than {most >> 20} MiB"
                raise ConfigError(f"{url}: {message}; give it a folder of its own")
            file.write(piece)
    return done
