"""Downloads a config at a URL, with the files beside it, to a local folder."""

from __future__ import annotations

import atexit
import errno
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

from querygen_core.contracts.errors import ConfigError, Exit, InputError
from querygen_core.contracts.protocols import Storage
from querygen_core.prompts.sources import path_within
from querygen_core.registry import Registry

_MOST_FILES = 1000
_MOST_BYTES = 64 << 20
_CHUNK = 1 << 20
_NO_FILE_NAMES = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.EILSEQ})
"""Of names that an object can have and a file cannot: of 300 bytes, or `a/b` beside `a`."""

log = logging.getLogger("querygen.config")


def download(url: str, registry: Registry) -> Path:
    """Download the config at `url` and return its path, in a folder of its own that is removed at exit.

    Everything under the config's folder is downloaded too, so that its prompts are found beside it as for a local file.

    Raises:
        MissingInput: there is no such object.
        CredentialsError: it may not be read.
        ConfigError: it is too large or not readable as a config, or the folder holds too much.
    """
    scheme = url.partition("://")[0]
    storage = registry.storage(scheme)
    folder = Path(
        tempfile.mkdtemp(prefix="querygen-config-")
    )  # mode 0700: the config's folder may hold what others should not read
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    decode = unquote if scheme == "file" else str  # other URLs are not percent-encoded
    folder_url, _, name = url.rpartition("/")
    file = path_within(folder, decode(name))
    _download_config(storage, url, file)
    _download_siblings(storage, f"{folder_url}/", folder, decode)
    return file


def _download_config(storage: Storage, url: str, file: Path) -> None:
    try:
        _copy(storage, url, file, _MOST_BYTES)
    except OSError as exc:
        raise ConfigError(f"{url}: cannot be kept in a local file: {exc.strerror}") from None
    except InputError as exc:
        if exc.exit_code != Exit.INPUT_UNUSABLE:
            raise
        raise ConfigError(str(exc)) from None


def _download_siblings(storage: Storage, folder_url: str, folder: Path, decode: Callable[[str], str]) -> None:
    bytes_left = _MOST_BYTES
    for url, name in _names(storage, folder_url, decode):
        path = path_within(folder, name)
        try:
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            bytes_left -= _copy(storage, url, path, bytes_left)
        except InputError as exc:
            if exc.exit_code == Exit.TRY_AGAIN:
                raise
            log.warning("not downloaded with the config: %s", exc)
            path.unlink(missing_ok=True)
        except OSError as exc:
            if exc.errno not in _NO_FILE_NAMES:
                raise ConfigError(f"{url}: cannot be kept in a local file: {exc.strerror}") from None
            log.warning("not downloaded with the config, since no file can have its name: %s (%s)", url, exc.strerror)


def _names(storage: Storage, folder_url: str, decode: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """URL and relative name of each object under `folder_url`, without the markers of empty folders."""
    for number, url in enumerate(storage.list(folder_url), 1):
        if number > _MOST_FILES:
            raise ConfigError(
                f"{folder_url}: has more than {_MOST_FILES:,} files; move the config to a folder of its own"
            )
        name = decode(url).removeprefix(decode(folder_url))
        if name and not name.endswith("/"):
            yield url, name


def _copy(storage: Storage, url: str, path: Path, limit: int) -> int:
    """Copy an object to a file and return its size in bytes."""
    copied = 0
    with closing(storage.open(url)) as stream, path.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            copied += len(chunk)
            if copied > limit:
                message = f"the config and the files beside it exceed {_MOST_BYTES >> 20} MiB"
                raise ConfigError(f"{url}: {message}; move the config to a folder of its own")
            file.write(chunk)
    return copied
