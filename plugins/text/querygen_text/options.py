"""The options of the three postprocessors."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from querygen_core.api import Options


class StandardiseOptions(Options):
    add_question_mark: bool = Field(
        default=True, description="Whether to add a missing question mark to a text that is phrased as a question."
    )
    fix_case: bool = Field(
        default=True,
        description="Whether to capitalise the first letter, except in names, and to lower-case texts in ALL CAPITALS.",
    )
    labels: bool = Field(
        default=True, description="Whether to label each question with its `brand_mode`, `style` and `length`."
    )


class QualityOptions(Options):
    min_words: int = Field(default=4, ge=1, description="Minimum number of words in a question.")
    max_words: int = Field(
        default=30, ge=1, description="Maximum number of words in a question; the product's full title counts as one."
    )
    min_chars: int = Field(default=15, ge=1, description="Minimum number of characters in a question.")
    max_chars: int = Field(
        default=200, ge=1, description="Maximum number of characters in a question, without the product's full title."
    )
    languages: tuple[str, ...] = Field(
        default=(),
        description="Accepted languages, as ISO 639-1 codes. Default: the language of the product's locale.",
    )
    off: tuple[str, ...] = Field(default=(), description="Names of rules that are not applied.")

    @field_validator("languages")
    @classmethod
    def _languages_are_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not (code.isascii() and code.isalpha() and code.islower() and len(code) in {2, 3}):
                raise ValueError(f"{code!r} is not a language code; write it like en, de or fr")
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
            raise ValueError("a minimum is larger than its maximum, so every question would be dropped")
        return self


class DedupOptions(Options):
    threshold: float = Field(
        default=91.5,
        ge=50,
        le=100,
        description="Similarity in percent (rapidfuzz ratio) from which two questions are checked as near-duplicates.",
    )
    near: bool = Field(
        default=True, description="Whether to drop near-duplicates too: typing errors, plurals, swapped sides."
    )
