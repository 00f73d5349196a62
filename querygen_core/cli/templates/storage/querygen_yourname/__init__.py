"""yourname/zip: members of zip archives as `zip://` URLs. Declares it; `archive.py` does the work."""

from __future__ import annotations

from querygen_core.api import Component, Context, Options, Storage, hookimpl

querygen_api = 1


def build_zip(_options: Options, context: Context) -> Storage:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.archive import Archive

    return Archive(context)


@hookimpl
def querygen_storages() -> list[Component[Options, Storage]]:
    # The name is the scheme: querygen builds this component, without options, for the first `zip://…` in a config.
    return [
        Component(
            "zip",
            Options,
            build_zip,
            "Reads members of zip archives: zip://folder/archive.zip/member.csv",
        )
    ]
