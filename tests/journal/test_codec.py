"""Rows of an earlier version are still read."""

from __future__ import annotations

import json

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.journal.codec import decode_dead_letter, encode_dead_letter

LETTER = DeadLetter(stage="generate", reason="PluginError", message="it failed", frame="querygen_shop/a.py:3 in make")


def test_a_dead_letter_keeps_the_plugin_s_line():
    assert decode_dead_letter(encode_dead_letter(LETTER)) == LETTER


def test_a_dead_letter_from_before_it_had_a_frame_is_read():
    row = {name: value for name, value in json.loads(encode_dead_letter(LETTER)).items() if name != "frame"}
    assert decode_dead_letter(json.dumps(row)).frame == ""


def test_a_dead_letter_of_an_older_version_is_read():
    older = '{"stage": "deliver", "reason": "table", "message": "too long", "product_key": "a:1:en", "attempt": 3}'
    letter = decode_dead_letter(older)
    assert (letter.kind, letter.reason, letter.attempt) == ("refused", "table", 3)
    assert (letter.sink, letter.constraint, letter.component, letter.frame) == ("", "", "", "")
