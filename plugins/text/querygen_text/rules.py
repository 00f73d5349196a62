"""The rules of `text/quality` in the order in which they are applied; the first broken one gives the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from querygen_text import content, form, leaks, reference, tongue
from querygen_text.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Rule:
    """name: the reason's second part and what `off` takes. drops: what it drops, for the README."""

    name: str
    drops: str
    breaks: Callable[[Candidate], bool]


RULES = (
    Rule(
        "wrong_script", "has three letters or more of a script that its language does not use", tongue.is_wrong_script
    ),
    Rule("too_short", "has fewer words or characters than `min_words`, `min_chars`", form.is_too_short),
    Rule("too_long", "has more words or characters than `max_words`, `max_chars`", form.is_too_long),
    Rule("damaged", "holds control, invisible, private-use or replacement characters", content.is_damaged),
    Rule("prompt_echo", "holds delimiters or field names of a prompt, a chat or JSON", leaks.echoes_prompt),
    Rule("markup", "holds HTML, script, a Markdown link or code", content.has_markup),
    Rule(
        "placeholder", "holds an unfilled place: `{name}`, `[BRAND]`, `%s`, `nan`, `Brand X`", content.has_placeholder
    ),
    Rule("refusal", "begins like a model that refuses or cannot answer", leaks.is_refusal),
    Rule("task_talk", "talks of the task, the prompt or the given data", leaks.tells_of_task),
    Rule("url", "holds a web address; a bare `Booking.com` is a name", content.has_url),
    Rule("private_data", "holds a mail address, a telephone, card or account number", content.has_private_data),
    Rule("wrong_language", "is in another language: score over 0.8, four words or more", tongue.is_wrong_language),
    Rule("cut_off", 'ends in the middle: on "and", "the", an open bracket, "…"', form.is_cut_off),
    Rule("no_question_mark", "ends without a question mark: a statement, a search phrase", form.has_no_question_mark),
    Rule("not_a_question", "has no question word and no verb in front (English, German)", form.is_no_question),
    Rule("repetition", "has the same word three times in a row", form.repeats_itself),
    Rule("several_questions", "asks more than one thing", form.holds_several),
    Rule("wrong_brand", "puts another brand before this product's model name", reference.is_wrong_brand),
    Rule("brand_named", "is labelled unbranded, yet names the brand", reference.names_brand),
    Rule("context_needed", 'leans on something outside: "the other one" (English)', reference.depends_on_context),
    Rule("bare_it", 'asks about "it" or "they" and names nothing it could be (English)', reference.holds_bare_it),
    Rule(
        "unknown_number", "presupposes a measure that is not the product's (English)", reference.states_unknown_number
    ),
)


def rules_without(off: Iterable[str]) -> tuple[Rule, ...]:
    left_out = frozenset(off)
    return tuple(rule for rule in RULES if rule.name not in left_out)


def check_names(names: Iterable[str]) -> None:
    """Raises ValueError for a name that no rule has."""
    known = [rule.name for rule in RULES]
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
            raise ValueError(f"there is no rule {name!r}; {hint}")


def table() -> str:
    """The rules as a Markdown table; the README holds it, and a test compares."""
    lines = [f"| `{rule.name}` | {rule.drops} |" for rule in RULES]
    return "\n".join(("| rule | drops a text that … |", "|---|---|", *lines))
