from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import BadZipFile, ZipFile

from querygen_core.api import Context, InputError, MissingInput

_SCHEME, _SUFFIX = "zip://", ".zip"


class Archive:
    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, url: str) -> BinaryIO:
        """A stream of one member. The archive stays open until that is closed, whatever happens to `archive` here."""
        path, member = self._split(url)
        try:
            with ZipFile(path) as archive:
                return cast("BinaryIO", archive.open(member))
        except (FileNotFoundError, KeyError):
            raise MissingInput(
                f"{url}: there is no such archive, or no such member in it"
            ) from None
        except (OSError, BadZipFile) as exc:
            raise InputError(f"{url}: the archive cannot be read: {exc}") from None

    def list(self, url: str) -> Iterable[str]:
        path, prefix = self._split(url)
        try:
            with ZipFile(path) as archive:
                members = {
                    name
                    for name in archive.namelist()
                    if name.startswith(prefix) and not name.endswith("/")
                }
        except FileNotFoundError:
            return []
        except (OSError, BadZipFile) as exc:
            raise InputError(f"{url}: the archive cannot be read: {exc}") from None
        return sorted(f"{url.removesuffix(prefix)}{name}" for name in members)

    def _split(self, url: str) -> tuple[Path, str]:
        """Path of the archive and name of the member, which are both taken as they are: nothing is percent-decoded."""
        path, separator, member = url.removeprefix(_SCHEME).partition(f"{_SUFFIX}/")
        if not separator:
            raise InputError(
                f"{url}: such a URL names an archive and a member: zip://folder/archive.zip/member.csv"
            )
        return self._context.find(f"{path}{_SUFFIX}"), member
