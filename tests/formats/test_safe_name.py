"""Any text has a harmless name of its own."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.formats import safe_name

LONG = safe_name("é" * 255)
HARD = ("", ".", "..", "../../etc", "a/b", "a%2Fb", "%2E", ".hidden", "%2Ehidden", "a b", "a%20b", "backup_1", "\ud800")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=255) | st.sampled_from([*HARD, LONG, LONG[:200], "é" * 254 + "e", "x" * 255]))
def test_a_name_is_short_plain_and_hidden_from_nobody(text: str) -> None:
    name = safe_name(text, reserved=("backup_",))
    assert re.fullmatch(r"[A-Za-z0-9._~%-]{0,217}", name)
    assert not name.startswith((".", "backup_"))


def test_different_texts_have_different_names() -> None:
    texts = {*HARD, LONG, LONG[:200], "é" * 255, "é" * 254 + "e", "x" * 255, "x" * 254, "A", "a"}
    assert len({safe_name(text) for text in texts}) == len(texts)


def test_a_plain_name_is_kept() -> None:
    assert safe_name("shop-2_v1.7") == "shop-2_v1.7"
