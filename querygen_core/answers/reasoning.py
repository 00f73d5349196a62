"""What a model says on the way to its answer: thoughts between tags, and the words by which a draft is known."""

from __future__ import annotations

import re

_NAMES = r"(?:think(?:ing)?|thoughts?|reason(?:ing)?|analysis|scratch_?pad|reflection|draft|brainstorm)"
_TAG = re.compile(
    rf"(?P<open><{_NAMES}>|\[think\]|◁think▷|<\|channel\|>\s*(?:analysis|commentary)\b|<\|(?:begin_of_)?(?:think|thought)\|>)"
    rf"|(?P<close></{_NAMES}>|\[/think\]|◁/think▷|<\|channel\|>\s*final\b|<\|(?:/think|end_of_thought)\|>)",
    re.IGNORECASE,
)
THOUGHT = "\n(a thought)\n"
"""Stands in the place of reasoning, so that what was before it and what comes after it are not taken for one."""

_FINAL = re.compile(
    r"\b(?:final(?:ly)?|answers?|results?|revised|corrected|improved|better|instead|here (?:is|are)|here's|complete"
    r"|full|output|response|actual|so now|now the|endgültige?|antwort|réponse|respuesta)\b",
    re.IGNORECASE,
)
_DRAFT = re.compile(
    r"\b(?:drafts?|drafted|drafting|tr(?:y|ies)|attempts?|ideas?|sketch(?:es)?|scratch|brainstorm(?:ing)?|examples?|e\.g|"
    r"for instance|rejected|discarded|wrong|too (?:few|many|short|long)|entwurf|beispiel|brouillon|ébauche|borrador)\b",
    re.IGNORECASE,
)
_VERSION = re.compile(r"\b(?:version|again|redo|second take|fixed|rewritten|changed)\b", re.IGNORECASE)
_LABEL_LENGTH = 160


def without_reasoning(text: str) -> tuple[str, str]:
    """`text` without the thoughts between tags, and the thought at its end that has no end, if there is one.

    What stands before an end that has no beginning is a thought too: the beginning was part of the prompt.
    """
    pieces: list[str] = []
    begin: int | None = None
    after = 0
    for tag in _TAG.finditer(text):
        if tag["open"]:
            if begin is None:
                begin = tag.start()
                pieces.append(text[after:begin])
        else:
            if begin is None:
                pieces.clear()
            pieces.append(THOUGHT)
            begin, after = None, tag.end()
    if begin is not None:
        return "".join(pieces), text[begin:]
    pieces.append(text[after:])
    return "".join(pieces), ""


def announces_draft(before: str) -> bool:
    """Whether the words just before a value say that it is not the answer yet."""
    label = _label(before)
    return _DRAFT.search(label) is not None and _FINAL.search(label) is None


def announces_answer(before: str) -> bool:
    """Whether the words just before a value say that it is the answer."""
    return _FINAL.search(_label(before)) is not None


def tells_apart(between: str) -> bool:
    """Whether the words between two values say that the second one is not a further part of the first."""
    return any(pattern.search(between) for pattern in (_DRAFT, _FINAL, _VERSION)) or THOUGHT.strip() in between


def _label(before: str) -> str:
    """The last line with words, of the last characters before a value."""
    lines = [line for line in before[-_LABEL_LENGTH:].split("\n") if any(map(str.isalpha, line.replace("json", "")))]
    return lines[-1] if lines else ""
