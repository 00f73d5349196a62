"""yourname/lines: products from a file of JSON lines. Declares it; `lines.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Input, Options, hookimpl

querygen_api = 1


class LinesOptions(Options):
    path: str = Field(
        min_length=1,
        description="A file with one JSON object per line, each of them a product.",
    )
    source: str = Field(
        default="yourname",
        min_length=1,
        description="Name of this source, the first part of product keys.",
    )
    locale: str = Field(
        default="en",
        min_length=2,
        description="Language of the products that do not say theirs.",
    )


def build_lines(options: LinesOptions, context: Context) -> Input:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.lines import Lines

    return Lines(options, context)


@hookimpl
def querygen_inputs() -> list[Component[LinesOptions, Input]]:
    return [
        Component(
            "lines",
            LinesOptions,
            build_lines,
            "Reads products from a file of JSON lines",
        )
    ]
