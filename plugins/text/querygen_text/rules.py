"""The rules of `text/quality`, in the order in which they are applied; the first broken rule gives the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from querygen_core.api import did_you_mean
from querygen_text import content_rules, language_rules, prompt_leaks, reference_rules, structure_rules
from querygen_text.parsed_question import ParsedQuestion


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to drop a question."""

    name: str
    """The reason's second part, as in `quality/too_short`, and what the option `off` takes."""

    description: str
    """Ends the sentence "drops a question that …" in the README."""

    is_broken_by: Callable[[ParsedQuestion], bool]
    """Whether a question breaks the rule."""


RULES = (
    Rule(
        "wrong_script",
        "has three or more letters of a script that its language does not use",
        language_rules.has_wrong_script,
    ),
    Rule("too_short", "has fewer words or characters than `min_words`, `min_chars`", structure_rules.is_too_short),
    Rule("too_long", "has more words or characters than `max_words`, `max_chars`", structure_rules.is_too_long),
    Rule("damaged", "contains control, invisible, private-use or replacement characters", content_rules.is_damaged),
    Rule("prompt_echo", "contains delimiters or field names of a prompt, a chat or JSON", prompt_leaks.echoes_prompt),
    Rule("markup", "contains HTML, script, a Markdown link or code", content_rules.has_markup),
    Rule(
        "placeholder",
        "contains an unfilled placeholder: `{name}`, `[BRAND]`, `%s`, `nan`, `Brand X`",
        content_rules.has_placeholder,
    ),
    Rule("refusal", "begins as a model does that refuses or cannot answer", prompt_leaks.is_refusal),
    Rule("task_talk", "talks about the task, the prompt or the given data", prompt_leaks.talks_about_task),
    Rule("url", "contains a web address; a bare `Booking.com` is a name", content_rules.has_url),
    Rule(
        "private_data", "contains a mail address or a telephone, card or account number", content_rules.has_private_data
    ),
    Rule(
        "wrong_language",
        "is in another language, with a confidence over 0.8, and has four words or more",
        language_rules.has_wrong_language,
    ),
    Rule("cut_off", 'ends in the middle: on "and", "the", an open bracket, "…"', structure_rules.is_cut_off),
    Rule(
        "no_question_mark",
        "ends without a question mark: a statement, a search phrase",
        structure_rules.has_no_question_mark,
    ),
    Rule(
        "not_a_question", "has no question word and no verb in front (English, German)", structure_rules.is_not_question
    ),
    Rule("repetition", "has the same word three times in a row", structure_rules.has_repeated_word),
    Rule("several_questions", "asks more than one thing", structure_rules.asks_several_questions),
    Rule("wrong_brand", "has another brand before this product's model name", reference_rules.has_wrong_brand),
    Rule("brand_named", "is labelled unbranded but names the brand", reference_rules.names_brand),
    Rule(
        "context_needed",
        'refers to something outside of it: "the other one" (English)',
        reference_rules.depends_on_context,
    ),
    Rule("bare_it", 'asks about "it" or "they" without naming what (English)', reference_rules.has_unresolved_pronoun),
    Rule(
        "unknown_number",
        "presupposes a measure that the product does not have (English)",
        reference_rules.presupposes_unknown_measure,
    ),
)


def rules_without(off: Iterable[str]) -> tuple[Rule, ...]:
    excluded = frozenset(off)
    return tuple(rule for rule in RULES if rule.name not in excluded)


def check_names(names: Iterable[str]) -> None:
    """Raises ValueError for a name that is not a rule's."""
    known = [rule.name for rule in RULES]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"; there are: {', '.join(known)}"
            raise ValueError(f"there is no rule {name!r}{hint}")


def render_table() -> str:
    """The rules as the Markdown table that the README holds; a test compares them."""
    lines = [f"| `{rule.name}` | {rule.description} |" for rule in RULES]
    return "\n".join(("| rule | drops a question that … |", "|---|---|", *lines))
