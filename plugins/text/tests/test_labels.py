from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import Query


def label(run, product, text: str, name: str) -> str:
    return run.one(product, text, "standardise").labels[name]


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("Which kettles boil a litre in three minutes?", "unbranded"),
        ("Is a kettle for less than 50 euros any good?", "unbranded"),
        ("How loud is this kettle?", "unbranded"),
        ("How do owners like the Brambleby kettle?", "branded"),
        ("Is the SwiftBoil K7 still made?", "branded"),
        ("is the BRAMBLEBY swiftboil k7 loud?", "branded"),
        ("Is Bramblebyte a brand?", "unbranded"),
        ("Where do other leading kettle brands do better than Brambleby?", "comparative"),
        ("Is Brambleby better than its rivals?", "comparative"),
        ("What are good alternatives to the SwiftBoil K7?", "comparative"),
        ("Is the Ferrow Cascade quieter?", "comparative"),
        ("SwiftBoil K7 vs Ferrow Cascade", "comparative"),
    ],
)
def test_the_brand_mode_says_what_is_named(run, kettle, text, mode):
    assert label(run, kettle, text, "brand_mode") == mode


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("Ist Brambleby besser als die Konkurrenz?", "comparative"),
        ("Welche Alternativen gibt es zu Brambleby?", "comparative"),
        ("Was halten Besitzer von Brambleby?", "branded"),
        ("Welche Wasserkocher sind am leisesten?", "unbranded"),
    ],
)
def test_the_brand_mode_in_german(run, kettle, text, mode):
    assert label(run, replace(kettle, locale="de"), text, "brand_mode") == mode


def test_a_product_without_a_brand_has_its_name(run, kettle):
    plain = replace(kettle, brand="", title="Grendelby Chisel Set")
    assert label(run, plain, "Are the Grendelby Chisel Set handles made of wood?", "brand_mode") == "branded"
    assert label(run, replace(plain, title="Kettle"), "Which kettles are loud?", "brand_mode") == "unbranded"


@pytest.mark.parametrize(
    ("locale", "text", "style"),
    [
        ("en", "quiet kettle under 50 euros", "keyword"),
        ("en", "How loud is the SwiftBoil K7?", "question"),
        ("en", "Can I descale the SwiftBoil K7 with vinegar?", "conversational"),
        ("en", "My kitchen is small: is the SwiftBoil K7 too tall?", "conversational"),
        ("de", "leiser Wasserkocher mit Temperaturwahl", "keyword"),
        ("de", "Passt der Brambleby in unsere kleine Küche?", "conversational"),
        ("fr", "Est-ce que ma bouilloire est bruyante?", "conversational"),
        ("ja", "このケトルは静かですか？", "question"),
        ("xx", "Czy czajnik jest cichy?", "question"),
    ],
)
def test_the_style(run, kettle, locale, text, style):
    assert label(run, replace(kettle, locale=locale), text, "style") == style


@pytest.mark.parametrize(
    ("locale", "text", "length"),
    [
        ("en", "How loud is the kettle?", "short"),
        ("en", "How loud is the kettle while it boils at night?", "medium"),
        ("en", "How loud is the kettle while it boils at night in a flat with very thin walls?", "long"),
        ("ja", "静かですか？", "short"),
        ("zh", "这个电热水壶在晚上烧水的时候声音大吗？", "medium"),
    ],
)
def test_the_length(run, kettle, locale, text, length):
    assert label(run, replace(kettle, locale=locale), text, "length") == length


def test_labels_are_those_of_the_repaired_text_and_do_not_replace_the_models(run, kettle):
    query = Query(text="1. **How loud is the SwiftBoil K7?**", labels={"facet": "noise", "brand_mode": "unbranded"})
    (found,) = run.queries(kettle, [query], "standardise")
    assert found.text == "How loud is the SwiftBoil K7?"
    assert found.labels == {"facet": "noise", "brand_mode": "unbranded", "style": "question", "length": "short"}
    assert run.queries(kettle, [found], "standardise") == [found]


def test_without_the_option_there_are_none(run, kettle):
    query = Query(text="How loud is the kettle?")
    assert run.queries(kettle, [query], run.build("standardise", labels=False)) == [query]
    assert run.queries(kettle, [replace(query, dropped="other/reason")], "standardise")[0].labels == {}
