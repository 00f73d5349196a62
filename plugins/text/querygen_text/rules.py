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
    Rule("wrong_script", "Three or more letters of a script that its language does not use.", tongue.is_wrong_script),
    Rule("too_short", "Fewer words or characters than `min_words`, `min_chars`.", form.is_too_short),
    Rule("too_long", "More words or characters than `max_words`, `max_chars`.", form.is_too_long),
    Rule("damaged", "Holds control, invisible, private-use or replacement characters.", content.is_damaged),
    Rule("prompt_echo", "Holds delimiters or field names of a prompt, of a chat or of JSON.", leaks.echoes_prompt),
    Rule("markup", "Holds HTML, script or Markdown that is not mere emphasis.", content.has_markup),
    Rule("placeholder", "Holds an unfilled place: `{name}`, `[BRAND]`, `%s`, `nan`.", content.has_placeholder),
    Rule("refusal", "Begins like a model that refuses or cannot answer.", leaks.is_refusal),
    Rule("task_talk", "Talks of the task, the prompt or the given data instead of asking.", leaks.tells_of_task),
    Rule("url", "Holds a web address; a bare `Booking.com` is a name.", content.has_url),
    Rule("private_data", "Holds a mail address or a telephone, card or account number.", content.has_private_data),
    Rule("wrong_language", "Surely (score over 0.8, 4 words or more) in another language.", tongue.is_wrong_language),
    Rule("cut_off", 'Ends in the middle: "and", "the", an open bracket, "…".', form.is_cut_off),
    Rule("no_question_mark", "Ends without a question mark: a statement, a search phrase.", form.has_no_question_mark),
    Rule("not_a_question", "No question word and no verb in front (English, German).", form.is_no_question),
    Rule("repetition", "The same word three times in a row.", form.repeats_itself),
    Rule("several_questions", "Asks more than one thing.", form.holds_several),
    Rule("wrong_brand", "Puts another brand before this product's model name.", reference.is_wrong_brand),
    Rule("brand_named", "Labelled unbranded, yet names the brand.", reference.names_brand),
    Rule("context_needed", 'Leans on something outside: "the other one" (English).', reference.depends_on_context),
    Rule("bare_it", 'Asks about "it" or "they" and names nothing that it could be (English).', reference.holds_bare_it),
    Rule("unknown_number", "Presupposes a measure that is not its own (English).", reference.states_unknown_number),
)  # fmt: skip


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
    return "\n".join(("| rule | drops what … |", "|---|---|", *lines))
