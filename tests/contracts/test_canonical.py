from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from querygen_core.contracts.canonical import digest_of_texts

TEXTS = st.lists(st.text(alphabet=st.sampled_from('a0,\n\0"[]\\u\ud800'), max_size=4), max_size=4)


@given(TEXTS, TEXTS)
@example([], [""])
@example(["a", "b"], ["ab"])
@example(["a\0b"], ["a", "b"])
@example(["a\0b"], ['["a\\u0000b"]'])
@example(["\0"], ["", ""])
def test_only_equal_lists_of_texts_have_the_same_digest(one, other):
    assert (digest_of_texts(one) == digest_of_texts(other)) == (one == other)


def test_a_digest_is_the_same_in_every_process_and_version():
    assert digest_of_texts(["product", "Is it loud?"]) == (
        "988a7676f7342c3ec1368b2edefd2232c527ff74e123469d41f88647e0bbd58b"
    )
