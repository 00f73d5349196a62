"""yourname/patterns: questions without a model. Declares it; `patterns.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Generator, Options, hookimpl

querygen_api = 1

DEFAULT_PATTERNS = (
    "What is the {title} used for?",
    "What should I know before I buy the {title}?",
    "Who is the {title} made for?",
    "Which other products go with the {title}?",
    "Is {brand} a good brand for this?",
)


class PatternsOptions(Options):
    patterns: tuple[str, ...] = Field(
        default=DEFAULT_PATTERNS,
        min_length=1,
        description="Questions in which {title} and {brand} stand for the product's own.",
    )


def build_patterns(options: PatternsOptions, _context: Context) -> Generator:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.patterns import Patterns

    return Patterns(options)


@hookimpl
def querygen_generators() -> list[Component[PatternsOptions, Generator]]:
    return [
        Component(
            "patterns",
            PatternsOptions,
            build_patterns,
            "Fills question patterns with title and brand",
        )
    ]
