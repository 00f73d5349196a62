"""Repair, quality rules and deduplication of one product's questions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field, field_validator, model_validator

from querygen_core.api import Component, Context, Options, Postprocessor, hookimpl

querygen_api = 1


class StandardiseOptions(Options):
    add_question_mark: bool = Field(
        default=True, description="Add the missing question mark to a text that has the form of a question."
    )
    fix_case: bool = Field(
        default=True, description="Upper-case the first letter where that is safe, and bring ALL CAPITALS down."
    )


class QualityOptions(Options):
    min_words: int = Field(default=4, ge=1, description="Fewest words of a question.")
    max_words: int = Field(
        default=30, ge=1, description="Most words of a question; the product's full title counts as one."
    )
    min_chars: int = Field(default=15, ge=1, description="Fewest characters of a question.")
    max_chars: int = Field(
        default=200, ge=1, description="Most characters of a question, the product's full title not counted."
    )
    languages: tuple[str, ...] = Field(
        default=(), description="Accepted languages, as ISO 639-1 codes. Empty: the language of the product's locale."
    )
    off: tuple[str, ...] = Field(default=(), description="Names of rules that are not applied.")

    @field_validator("languages")
    @classmethod
    def _languages_are_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not (code.isascii() and code.isalpha() and code.islower() and len(code) in {2, 3}):
                raise ValueError(f"{code!r} is no language code; write it as in en, de or fr")
        return codes

    @field_validator("off")
    @classmethod
    def _rules_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from querygen_text.rules import check_names

        check_names(names)
        return names

    @model_validator(mode="after")
    def _limits_leave_room(self) -> QualityOptions:
        if self.min_words > self.max_words or self.min_chars > self.max_chars:
            raise ValueError("a minimum is larger than its maximum: no question can pass")
        return self


class DedupOptions(Options):
    threshold: float = Field(
        default=91.5,
        ge=50,
        le=100,
        description="Similarity in percent (rapidfuzz ratio) from which two wordings are looked at as near-duplicates.",
    )
    near: bool = Field(default=True, description="Also drop near-duplicates: typing errors, plurals, swapped sides.")


def build_standardise(options: StandardiseOptions, context: Context) -> Postprocessor:  # noqa: ARG001
    from querygen_text.standardise import Standardise

    return Standardise(options)


def build_quality(options: QualityOptions, context: Context) -> Postprocessor:  # noqa: ARG001
    from querygen_text.quality import Quality

    return Quality(options)


def build_dedup(options: DedupOptions, context: Context) -> Postprocessor:  # noqa: ARG001
    from querygen_text.dedup import Dedup

    return Dedup(options)


@hookimpl
def querygen_postprocessors() -> Iterable[Component[Any, Postprocessor]]:
    return (
        Component("standardise", StandardiseOptions, build_standardise, "Repairs a question's text."),
        Component("quality", QualityOptions, build_quality, "Drops what is no good question, by named rules."),
        Component("dedup", DedupOptions, build_dedup, "Drops what asks the same again, within one product."),
    )
