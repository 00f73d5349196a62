r"""Characters that a reader of a text does not see, and the places where some of them are spelling all the same.

Hidden characters are Unicode's default ignorable code points (zero-width and direction marks, fillers, variation
selectors, tags) with the interlinear annotation marks. They can make two equal texts differ, and carry instructions
that only a model reads. Three kinds of them are needed in some places and hidden in all others:

- the joiners U+200C and U+200D between letters of Arabic and Indic scripts, after a virama, between emoji;
- the emoji and text selectors U+FE0E and U+FE0F behind a symbol that has both forms;
- Mongolian's own selectors U+180B to U+180F behind a Mongolian letter.

Source: https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt (Default_Ignorable_Code_Point); for
joiners after a virama RFC 5892, appendix A.

The constants are bodies of character classes of `re`: write them between brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

_JOINERS = "\u200c\u200d"
_EMOJI_SELECTORS = "\ufe0e\ufe0f"
_MONGOLIAN_SELECTORS = "\u180b-\u180f"
_HIDDEN_BELOW_10000 = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb"
)
_HIDDEN = _HIDDEN_BELOW_10000 + "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"

_JOINING = re.compile(
    rf"(?![{_HIDDEN}])[\u0600-\u109f\u1700-\u1bff\ua800-\uabff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
    r"\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)
"""Arabic, Indic and related scripts, where a joiner between two letters chooses their form."""

_VIRAMAS = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d")
"""A joiner after one of these may end a word, as in Malayalam. Sinhala's composes with a vowel, so it is left out."""

_EMOJI = re.compile(
    "[©®‼⁉\u2122\u2139\u2194-\u21aa\u231a-\u2328\u23cf\u23e9-\u23fa\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_KEYCAP_BASE = re.compile("[0-9#*]")
_KEYCAP = "\u20e3"


class HiddenCharacters:
    """Finds hidden characters where they are not spelling, and everywhere the characters of `also`.

    also: the body of a character class, such as `CONTROLS`.
    """

    CONTROLS: ClassVar[str] = "\x00-\x1f\x7f-\x9f"
    CONTROLS_BUT_SPACE: ClassVar[str] = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    """Without those that `str.split` takes for white space, so that the words around them stay apart."""
    RARE_BREAKS: ClassVar[str] = "\x0b\x0c\x1c-\x1f\x85\u2028\u2029"
    """End a line for some readers (`str.splitlines` among them) and not for others."""
    LINE_SEPARATORS: ClassVar[str] = "\u2028\u2029"
    PRIVATE_USE: ClassVar[str] = "\ue000-\uf8ff\U000f0000-\U0010ffff"
    NOT_CHARACTERS: ClassVar[str] = "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    """Lone surrogates, which UTF-8 cannot hold, and code points that never will be characters."""

    def __init__(self, also: str = "") -> None:
        self._exact = re.compile(f"[{_HIDDEN}{also}]")
        # Every range above U+FFFF costs time at every character of a text, so one stands for all in the search.
        self._candidates = re.compile(f"[{_HIDDEN_BELOW_10000}\U0001bca0-\U0010ffff{also}]")

    def found_in(self, text: str) -> bool:
        """Whether `text` holds at least one of them."""
        return any(self._is_hidden(match) for match in self._candidates.finditer(text))

    def replaced(self, text: str, replacement: Callable[[str], str]) -> str:
        """`text` with each of them replaced by what `replacement` returns for it."""
        return self._candidates.sub(lambda match: replacement(match[0]) if self._is_hidden(match) else match[0], text)

    def removed(self, text: str) -> str:
        """`text` without them. Doing so again changes nothing."""
        return self.replaced(text, lambda _: "")

    def removed_everywhere(self, text: str) -> str:
        """`text` without them even where they are spelling: for texts that are compared and never shown."""
        return self._candidates.sub(lambda match: "" if self._exact.match(match[0]) else match[0], text)

    def _is_hidden(self, match: re.Match[str]) -> bool:
        return self._exact.match(match[0]) is not None and not _is_spelling(match)


def _is_spelling(match: re.Match[str]) -> bool:
    """Looks only at neighbours that are never removed, so that the answer holds after a removal too."""
    char, text, start = match[0], match.string, match.start()
    before, after = text[start - 1 : start], text[start + 1 : start + 2]
    if char in _JOINERS:
        if before in _VIRAMAS or (_JOINING.match(before) and _JOINING.match(after)):
            return True
        symbol = text[start - 2 : start - 1] if start > 1 and before in _EMOJI_SELECTORS else before
        return bool(_EMOJI.match(symbol) and _EMOJI.match(after))
    if char in _EMOJI_SELECTORS:
        return bool(_EMOJI.match(before) or (_KEYCAP_BASE.match(before) and after == _KEYCAP))
    return "\u180b" <= char <= "\u180f" and "\u1820" <= before <= "\u18aa"
