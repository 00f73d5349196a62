from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.api import Query

WRAPPINGS = ["1. ", "2) ", "- ", "• ", "Q: ", "Question 3: ", "## ", "<b>", "</b>", "<br>", "**", "*", "__", "_", "`"]
SIGNS = [
    "&amp;",
    "&lt;",
    "&#39;",
    "&nbsp;",
    '"',
    "'",
    "“",
    "”",
    "«",
    "»",
    '\\"',
    "\\n",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "$",
]
MARKS = ["?", "!", ".", "...", ",", ";", ":", " ", "？", "؟"]
ODDITIES = [
    "\u200b",
    "\u00a0",
    "\u202e",
    "\x00",
    "\ud800",
    "\ufffd",
    "Ã©",
    "â€™",
    "é",
    "e\u0301",
    "Ｈ",
    "1️⃣",
    "🙂",
    "は",
    "か",
]
WORDS = "how How is IS it the K7 SwiftBoil Brambleby loud kettle and compare with 2 kg 1,000 what which this 's n't"
PIECES = st.sampled_from([*WRAPPINGS, *SIGNS, *MARKS, *ODDITIES, *(f"{word} " for word in WORDS.split())])
TEXTS = st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=60))
LOCALES = st.sampled_from(["en", "de", "fr", "es", "ja", "ar", "el", "", "xx-YY"])
SETTINGS = settings(max_examples=100, deadline=None)


@SETTINGS
@given(text=TEXTS, locale=LOCALES)
def test_standardise_is_idempotent(run, kettle, text, locale):
    product = replace(kettle, locale=locale)
    once = run.one(product, text, "standardise")
    assert once.dropped in {None, "standardise/empty"}
    if once.dropped is None:
        assert run.queries(product, [once], "standardise") == [once]


@SETTINGS
@given(text=TEXTS)
def test_what_standardise_passes_can_be_stored(run, kettle, text):
    done = run.one(kettle, text, "standardise").text
    done.encode()  # raises for a lone surrogate
    assert done.isprintable() or not done.isascii()
    assert done == " ".join(done.split())


@SETTINGS
@given(texts=st.lists(TEXTS, max_size=8), locale=LOCALES)
def test_nothing_is_removed_added_or_reordered(run, kettle, texts, locale):
    asked = [Query(text=text, query_type="market", request_key=str(place)) for place, text in enumerate(texts)]
    done = run.queries(replace(kettle, locale=locale), asked, "standardise", "quality", "dedup")
    assert [query.request_key for query in done] == [query.request_key for query in asked]
    assert [replace(query, dropped=None, text="", labels={}) for query in done] == [
        replace(query, text="") for query in asked
    ]


@SETTINGS
@given(texts=st.lists(TEXTS, max_size=8))
def test_quality_changes_no_text_and_judges_each_alone(run, kettle, texts):
    together = run.texts(kettle, texts, "quality")
    assert [query.text for query in together] == texts
    assert together == [run.one(kettle, text, "quality") for text in texts]


@SETTINGS
@given(texts=st.lists(TEXTS, max_size=10), cut=st.integers(min_value=0, max_value=10))
def test_dedup_is_idempotent_and_decides_a_prefix_as_in_the_whole(run, kettle, texts, cut):
    done = run.texts(kettle, texts, "dedup")
    assert [query.text for query in done] == texts
    assert run.queries(kettle, done, "dedup") == done
    assert run.texts(kettle, texts[:cut], "dedup") == done[:cut]
    kept = [query for query in done if query.dropped is None]
    assert run.queries(kettle, kept, "dedup") == kept


@SETTINGS
@given(
    title=TEXTS, brand=st.text(max_size=20), rival=st.text(max_size=20), value=TEXTS, text=TEXTS, labels=st.booleans()
)
def test_no_product_text_breaks_a_filter(run, kettle, title, brand, rival, value, text, labels):
    product = replace(kettle, title=title, brand=brand, competitors=(rival,), attributes={value: value})
    asked = [
        Query(text=each, query_type=kind, labels={"brand_mode": "unbranded"} if labels else {})
        for each in (text, f"Is the {title} loud?", f"IS THE {title.upper()} {brand} LOUD?")
        for kind in ("product", "market")
    ]
    assert len(run.queries(product, asked, "standardise", "quality", "dedup")) == len(asked)
