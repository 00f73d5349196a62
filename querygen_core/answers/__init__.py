"""A model's text to a value: answers that were paid for are read as a person would read them."""

from __future__ import annotations

from querygen_core.answers.question_schema import can_hold_questions
from querygen_core.answers.read import READING_VERSION, Parsed, read_answer

__all__ = ["READING_VERSION", "Parsed", "can_hold_questions", "read_answer"]
