"""Rules on answers that talk about the task instead of asking: echoes of the prompt, chatter, refusals."""

from __future__ import annotations

import re

from querygen_text.parsed_question import ParsedQuestion
from querygen_text.word_patterns import any_of, word_set

_QUOTED = re.compile(r'"[^"]{1,200}"')

# Delimiters of chat templates, tags of rendered prompts, Markdown sections, JSON keys, "assistant:" and the like.
_DELIMITERS = any_of(
    r"<\|[^|<>]{0,40}\|?>",
    r"\[/?inst\]|<</?sys>>|</?s>|<(?:bos|eos|start_of_turn|end_of_turn)>",
    r"<(?:/|(?=[a-z]{1,20}[-_]))(?:product|request|plan|rules|accepted|instructions?|questions?|system|data)\b",
    r"#{2,} ?(?:instruction|response|input|output|question)",
    r'"(?:text|questions?|sub_type|facet|query_type)" ?:',
    r"^(?:system|assistant|human|user|ai|output(?: format)?|response|answer|instructions?|prompt) ?:",
    r"^(?:question|query) type ?:",
)
_FIELD_NAME = re.compile(r"(?<![\w{\[<$%])[a-z]{2,}_[a-z_]{2,40}\b")

# Beginnings only: "Sure, …", "Here are …", "Note that …" would be rare within a question.
_CHATTER = any_of(
    r"(?:sure|certainly|of course|absolutely|okay|ok|great|understood|gladly|no problem|alright)\b ?[!,.:–—-]",
    r"(?:here|below) (?:are|is|you go|come)\b|here's (?:a|the|your)\b",
    r"(?:the|these|those|my|your) (?:[\w-]+ ){0,3}questions?\b[^?]{0,80}(?:\b(?:are|is|cover|focus|include)\b|:|\.$)",
    r"(?:the following|as (?:requested|instructed|per)|i hope|let me (?:know if|think|generate|create)|feel free)\b",
    r"(?:please )?note(?: that|:|, )|please find\b|the user (?:wants|asks|asked|is)\b|remember to\b",
    r"i(?:'ve| have|'ll| will) (?:\w+ )?(?:generate|create|write|provide|prepare|list|come up)",
    r"(?:would you like|do you want) me to|shall i (?:generate|continue|write|create)",
    r"you are an? (?:[\w-]+ ){0,3}(?:assistant|expert|copywriter|writer|model)",
    r"(?:generate|write|create|produce|list|give me|output|provide) (?:\w+ ){0,4}(?:questions?|queries)\b",
    r"(?:end|list) of (?:\w+ )?(?:questions?|list|output)",
    r"\d{1,3} (?:\w+[ -]){0,3}questions\b|(?:product|market)(?:[ -]\w+)? questions\b",
    r"(?:hier (?:sind|ist|zijn)|gerne|natürlich|selbstverständlich|natuurlijk|voici|bien sûr|aquí (?:están|tienes|hay)"
    r"|aqui estão|claro|ecco|certo)\b"
    r"(?: ?[!,.:]| (?:\w+ ){0,3}(?:fragen|vragen|questions|preguntas|perguntas|domande))",
)

_SOURCE = (
    "(?:text|data|info|information|description|details|context|passage|document|snippet"
    "|input|json|list|facts|attributes|article)"
)
_PROVIDED = "(?:given|provided|supplied|above|below|preceding|aforementioned)"
_IN = "(?:based on|according to|(?:mentioned|stated|listed|described|found) in)"
_TASK = any_of(
    r"\bas an? (?:(?:ai|large) )?language model\b|\bas an artificial intelligence\b",
    r"\bas an ai(?:,| (?:assistant|model|system), i\b)|\bknowledge cut-?off\b",
    r"\b(?:ignore|disregard|forget) (?:\w+ ){0,3}(?:previous|prior|above|earlier) (?:instructions?|prompts?|text)\b",
    r"\b(?:system prompt|this prompt|prompt above|return only|only return|json above|the json)\b",
    r"\bnever instructions\b|\btext inside is data\b|\brepeat or rephrase\b",
    r"\b(?:accepted|generated|requested|previous|above|following) (?:\w+ )?questions\b",
    r"\bquestions? (?:above|generated|listed)\b",
    r"\bquestions (?:would|might|could|will) (?:an? |the )?(?:\w+ )?(?:customers?|shoppers?|buyers?|users?|people)\b",
    r"\b(?:in|from|by) the (?:passage|prompt|snippet|context(?! of))\b|\bproduct title\b",
    rf"\b{_PROVIDED} (?:product )?{_SOURCE}\b",
    rf"\b(?:{_IN}|given|from|using|with|in) (?:the|this|your) (?:\w+ ){{0,2}}{_SOURCE} {_PROVIDED}\b",
    rf"\b{_IN} (?:the|this) (?:product |item )?{_SOURCE}\b(?! ?sheet)",
    rf"\b(?:does|do|did|as) (?:the|this) (?:product |item )?{_SOURCE} (?:say|mention|state|describe|tell|indicate)",
    r"\b(?:in|by|from) the (?:product |item )?description\b|\bproduct (?:data|block|json|record)\b(?! ?sheet)",
)
_TASK_WORDS = word_set(
    "language artificial ai knowledge cutoff cut-off prompt prompts instruction instructions text rules json only data "
    "rephrase question questions information info description details context passage document input list facts "
    "attributes snippet article title block record"
)
"""Each phrase of `_TASK` contains one of these words, so that most questions need not be searched."""

# Optional words before a refusal.
_SORRY = (
    r"(?:(?:sorry|unfortunately|(?:my )?apologies|regrettably|(?:i'm|i am) (?:\w+ )?afraid)\b[,.!:;]? (?:but |that )?)?"
)
_UNABLE = r"(?:unable|not able|not allowed|not permitted) to"
_CANNOT = rf"(?:i|we)(?: (?:(?:can|will|could|do) ?not|(?:ca|wo|could|do)n't)|(?:'m|'re| am| are| was) {_UNABLE})"
_ANSWERING = (
    "(?:provide|help|assist|generate|answer|create|fulfil|comply|write|produce|offer|come up|discuss|engage|respond"
    "|rank|recommend|know enough)"
)
_KNOWING = "(?:information|data|details|context|facts)"
_REFUSAL = any_of(
    r"(?:i'm|i am|we're|we are) (?:\w+ )?sorry\b|(?:i|we) (?:apologi[sz]e|must decline|decline|have to decline)\b",
    rf"{_SORRY}{_CANNOT} (?:\w+ly )?{_ANSWERING}",
    rf"{_SORRY}(?:i|we) (?:do not|don't) have (?:access to|real-time|(?:\w+ ){{0,2}}{_KNOWING}\b)",
    rf"{_SORRY}(?:i|we) (?:would |will )?need (?:more|additional|further) (?:\w+ )?{_KNOWING}\b",
    rf"{_SORRY}(?:there (?:is|are) |there's )?(?:not enough|insufficient|no) (?:\w+ ){{0,2}}{_KNOWING}\b",
    rf"{_SORRY}(?:it is|it's) (?:not possible|impossible) (?:for me )?to {_ANSWERING}|unable to {_ANSWERING}",
    r"no (?:\w+ ){0,2}questions?\b[^?]{0,60}\b(?:can|could|were|was|available|possible|generated|provided)\b",
    r"(?:this|the|your) (?:request|prompt|content|query) [^?]{0,40}(?:violates|cannot|can't|not allowed|inappropriate)",
    r"(?:es )?tut mir leid\b|leider (?:kann|können|habe|liegen)\b|ich kann (?:leider )?(?:keine|dazu)\b",
    r"als (?:ki|sprachmodell|ai)\b|(?:je suis )?désolée?\b|lo siento\b|mi dispiace\b|het spijt me\b",
)


def echoes_prompt(question: ParsedQuestion) -> bool:
    """Holds delimiters or field names of a prompt or chat. A name that the input itself uses is fine."""
    if not question.has_unusual:
        return False
    if _DELIMITERS.search(question.lower) is not None:
        return True
    names = (match[0] for match in _FIELD_NAME.finditer(question.lower))
    return "_" in question.lower and any(name not in question.facts.all_text for name in names)


def is_refusal(question: ParsedQuestion) -> bool:
    return _REFUSAL.match(_without_quotes(question)) is not None


def talks_about_task(question: ParsedQuestion) -> bool:
    """Chatter at the beginning, or a phrase about the task, the prompt or the given data anywhere."""
    text = _without_quotes(question)
    return _CHATTER.match(text) is not None or (question.has_any(_TASK_WORDS) and _TASK.search(text) is not None)


def _without_quotes(question: ParsedQuestion) -> str:
    """The text with quoted phrases emptied: a question may well be about one."""
    return _QUOTED.sub('""', question.lower) if '"' in question.lower else question.lower
