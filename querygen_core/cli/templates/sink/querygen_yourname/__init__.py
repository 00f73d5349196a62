"""yourname/folder: one JSON file per product. Declares it; `folder.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Options, Sink, hookimpl

querygen_api = 1


class FolderOptions(Options):
    path: str = Field(
        min_length=1,
        description="Folder for the files; it is created if it is missing.",
    )


def build_folder(options: FolderOptions, _context: Context) -> Sink:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.folder import Folder

    return Folder(options)


@hookimpl
def querygen_sinks() -> list[Component[FolderOptions, Sink]]:
    return [
        Component(
            "folder",
            FolderOptions,
            build_folder,
            "Writes the queries of each product to a JSON file",
        )
    ]
