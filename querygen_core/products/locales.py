"""Locales as BCP 47 writes them."""

from __future__ import annotations

import re
from functools import lru_cache

_TAG = re.compile(r"[a-z]{2,3}(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|[0-9]{3}))?", re.IGNORECASE)
_SCRIPT = 4
_LONGEST = 30


def normal_locale(text: str) -> str:
    """`en_us` and `EN-US.UTF-8` → `en-US`, `zh_hant_tw` → `zh-Hant-TW`; "" for a text that is no tag (`English`)."""
    return _normal(text) if len(text) <= _LONGEST else ""


@lru_cache(maxsize=1024)
def _normal(text: str) -> str:
    tag = re.split(r"[.@]", text.strip(), maxsplit=1)[0]
    if not _TAG.fullmatch(tag):
        return ""
    language, *rest = re.split(r"[-_]", tag)
    return "-".join([language.lower(), *(part.title() if len(part) == _SCRIPT else part.upper() for part in rest)])
