"""yourname/length: drops questions that are too long. Declares it; `length.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Options, Postprocessor, hookimpl

querygen_api = 1


class LengthOptions(Options):
    max_words: int = Field(
        default=25, ge=1, description="Longest question that is kept, in words."
    )


def build_length(options: LengthOptions, _context: Context) -> Postprocessor:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.length import Length

    return Length(options)


@hookimpl
def querygen_postprocessors() -> list[Component[LengthOptions, Postprocessor]]:
    return [
        Component(
            "length", LengthOptions, build_length, "Drops questions with too many words"
        )
    ]
