"""yourname/tidy: one look at every product before anything is asked. Declares it; `tidy.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Options, Preprocessor, hookimpl

querygen_api = 1


class TidyOptions(Options):
    brands: dict[str, str] = Field(
        default={},
        description="Spellings of a brand and the one to use, such as ACME: Acme.",
    )
    min_description: int = Field(
        default=1,
        ge=0,
        description="Shortest description, in characters; products with less to say are rejected.",
    )


def build_tidy(options: TidyOptions, _context: Context) -> Preprocessor:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.tidy import Tidy

    return Tidy(options)


@hookimpl
def querygen_preprocessors() -> list[Component[TidyOptions, Preprocessor]]:
    return [
        Component(
            "tidy",
            TidyOptions,
            build_tidy,
            "Unifies brand names and rejects products without description",
        )
    ]
