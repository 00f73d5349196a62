from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import combinations

import pytest

PLANS = {
    "product": {
        "features": 5,
        "benefits": 4,
        "usage": 4,
        "suitability": 3,
        "compatibility": 3,
        "care": 2,
        "problem_solving": 2,
        "safety": 1,
        "included": 1,
    },
    "market": {
        "ranking": 6,
        "competitors": 5,
        "reputation": 4,
        "alternatives": 3,
        "positioning": 3,
        "price_value": 2,
        "audience": 1,
        "trend": 1,
    },
}
TYPES = tuple(PLANS)
TITLES = {
    "en": (
        "Zorvex 3000",
        "Zorvex Kettle",
        "Zorvex Honey 500 g",
        "Zorvex Rain Jacket",
        "Zorvex Sofa",
        "Zorvex Hand Cream",
        "Zorvex Antivirus Software",
        "Zorvex Rose Bouquet",
        "Zorvex Tent",
        "Zorvex Laptop",
    ),
    "de": (
        "Zorvex 3000",
        "Zorvex Wasserkocher",
        "Zorvex Honig",
        "Zorvex Regenjacke",
        "Zorvex Sofa",
        "Zorvex Handcreme",
        "Zorvex Betriebssystem",
        "Zorvex Pflanze",
        "Zorvex Puzzle",
        "Zorvex Laptop",
    ),
}
BARE = [
    ({"title": title, "locale": locale}, kind)
    for locale, titles in TITLES.items()
    for title in titles
    for kind in TYPES
]


def plain(text):
    return " ".join(re.findall(r"\w+", text.casefold()))


def texts(questions):
    return [question["text"] for question in questions]


def is_well_formed(text):
    asks_once = text.endswith("?") and text.count("?") == 1
    fits = 4 <= len(text.split()) <= 30 and 15 <= len(text) <= 200
    return asks_once and fits and text[0].isupper() and "  " not in text and not re.search(r"[{}<>\[\]\n\t]", text)


@pytest.mark.parametrize("kind", TYPES)
def test_the_plan_is_followed(ask, kettle, kind):
    questions = ask(kettle, kind, plan=PLANS[kind])
    assert Counter(question["sub_type"] for question in questions) == PLANS[kind]
    assert all(is_well_formed(text) for text in texts(questions)), texts(questions)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 25, 60])
@pytest.mark.parametrize("kind", TYPES)
def test_the_count_is_honoured_without_a_plan(ask, kettle, kind, count):
    questions = ask(kettle, kind, count)
    assert len(questions) == len({plain(text) for text in texts(questions)}) == count


def test_what_the_plan_leaves_open_is_filled_up(ask, kettle):
    counted = Counter(question["sub_type"] for question in ask(kettle, "product", 10, plan={"care": 2}))
    assert counted.total() == 10
    assert counted["care"] >= 2


def test_no_more_than_the_count_whatever_the_plan(ask, kettle):
    assert len(ask(kettle, "product", 3, plan={"care": 50, "usage": 50})) == 3


def test_an_unknown_sub_type_keeps_its_name(ask, kettle):
    questions = ask(kettle, "product", 6, plan={"gifting": 4, "sustainability": 2})
    assert Counter(question["sub_type"] for question in questions) == {"gifting": 4, "sustainability": 2}


@pytest.mark.parametrize(("product", "kind"), BARE)
def test_a_bare_title_is_enough(ask, product, kind):
    everything = texts(ask(product, kind, 500))
    assert len(everything) >= 60
    assert len(set(map(plain, everything))) == len(everything)
    assert all(map(is_well_formed, everything)), [text for text in everything if not is_well_formed(text)]


def likeness(first, second):
    matcher = SequenceMatcher(None, first, second)
    return matcher.ratio() if matcher.quick_ratio() > 0.9 else 0.0


@pytest.mark.parametrize(("product", "kind"), BARE)
def test_no_two_of_an_answer_are_near_each_other(ask, product, kind):
    """The product's name, which they share, is left out of the comparison."""
    said = [text.replace(product["title"].removesuffix(" 500 g"), "P") for text in texts(ask(product, kind, 35))]
    assert [pair for pair in combinations(said, 2) if likeness(*pair) > 0.92] == []


@pytest.mark.parametrize("kind", TYPES)
def test_refills_bring_only_new_questions(ask, kind):
    product = {"title": "Zorvex Honey", "locale": "en"}
    accepted: list[str] = []
    for _ in range(6):
        more = texts(ask(product, kind, 9, accepted=accepted, plan={next(iter(PLANS[kind])): 3}))
        assert len(more) == 9
        accepted += more
    assert len(set(map(plain, accepted))) == 54


def test_an_accepted_question_is_known_again_after_a_repair(ask, kettle):
    first = texts(ask(kettle, "product", 500))
    accepted = [f"  {text.upper().removesuffix('?')}" for text in first[:-3]]
    assert sorted(texts(ask(kettle, "product", 500, accepted=accepted))) == sorted(first[-3:])


def test_every_product_question_names_the_product(ask, kettle):
    assert all("Brassline Tarn Kettle" in text for text in texts(ask(kettle, "product", 500)))


def test_brand_modes_say_what_is_named(ask, kettle):
    modes: dict[str, list[str]] = {}
    for question in ask(kettle, "market", 500):
        modes.setdefault(question["brand_mode"], []).append(question["text"])
    assert set(modes) == {"unbranded", "branded", "comparative"}
    assert not [text for text in modes["unbranded"] if "brassline" in text.casefold()]
    assert all("Brassline" in text for text in (*modes["branded"], *modes["comparative"]))
    assert any("Castermoor" in text for text in modes["comparative"])
    assert not [text for text in modes["unbranded"] + modes["branded"] if "Castermoor" in text]


def test_about_half_of_the_market_questions_are_unbranded(ask, kettle):
    asked = [ask(kettle, "market", plan=PLANS["market"], options={"seed": seed}) for seed in range(40)]
    shares = Counter(question["brand_mode"] for questions in asked for question in questions)
    assert 0.3 < shares["unbranded"] / shares.total() < 0.55
    assert 0.15 < shares["comparative"] / shares.total() < 0.35


def test_a_brand_in_every_name_of_the_kind_leaves_no_unbranded_questions(ask):
    product = {"title": "Acme X1", "brand": "Acme", "category_path": ["Acme Parts"]}
    assert {question["brand_mode"] for question in ask(product, "market", 60)} == {"branded", "comparative"}


def test_facts_come_up(ask, kettle):
    said = " ".join(texts(ask(kettle, "product", 25, plan=PLANS["product"])))
    facts = (
        "capacity",
        "power",
        "brushed steel",
        "matt black",
        "noise level",
        "handle",
        "spout",
        "dishwasher safe",
        "Cream",
    )
    assert sum(fact in said for fact in facts) >= 5
    said = " ".join(texts(ask(kettle, "product", 500)))
    assert [fact for fact in (*facts, "coffee lovers", "1200 W") if fact not in said] == []


def test_what_does_not_fit_into_a_sentence_stays_out(ask, kettle):
    said = " ".join(texts(ask(kettle, "product", 500)))
    assert not re.search(r"three valleys|00123|\bEAN\b|\blid\b|the dishwasher safe of", said, re.IGNORECASE)


@pytest.mark.parametrize("kind", TYPES)
def test_openings_vary(ask, kind):
    for seed in range(30):
        said = texts(ask({"title": "Zorvex Honey"}, kind, plan=PLANS[kind], options={"seed": seed}))
        assert max(Counter(" ".join(text.split()[:2]) for text in said).values()) <= 5


def test_what_the_product_is_is_no_part_of_it(ask):
    product = {"title": "Zorvex USB Cable 2 m", "description": "A cable with a metal collar."}
    said = " ".join(texts(ask(product, "product", 500)))
    assert "the collar of" in said
    assert "the cable of" not in said


def test_facets_are_unique_slugs(ask, kettle):
    for kind in TYPES:
        facets = [question["facet"] for question in ask(kettle, kind, plan=PLANS[kind])]
        assert len(set(facets)) == 25
        assert all(re.fullmatch(r"[a-z0-9_]+", facet) for facet in facets)


def test_labels_are_those_of_the_prompts(ask, kettle):
    for question in ask(kettle, "market", 100):
        assert question["stage"] in ("awareness", "consideration", "decision", "post-purchase")
        assert re.fullmatch(r"[a-z_]+", question["persona"])


def test_product_groups_exclude_what_makes_no_sense(ask):
    honey = " ".join(texts(ask({"title": "Zorvex Forest Honey"}, "product", 500)))
    assert "after opening" in honey
    assert not re.search("spare parts|repair|accessories", honey)
    jacket = " ".join(texts(ask({"title": "Zorvex Rain Jacket"}, "product", 500)))
    assert "right size" in jacket
    assert "diets" not in jacket


def test_no_brand_twice(ask):
    said = texts(ask({"title": "ACME Kettle", "brand": "Acme Inc."}, "product", 500))
    assert said
    assert not [text for text in said if text.casefold().count("acme") != 1]


def test_a_brand_that_the_title_lacks_is_put_in_front(ask):
    assert all("the Acme Kettle" in text for text in texts(ask({"title": "Kettle", "brand": "Acme"}, "product", 50)))


@pytest.mark.parametrize("locale", ["de", "de-AT", "DE_ch"])
def test_german(ask, locale):
    product = {
        "title": "Brelldorf Tarn Wasserkocher 1,0 l",
        "brand": "Brelldorf",
        "locale": locale,
        "category_path": ["Küche", "Wasserkocher"],
        "description": "Der Griff liegt gut in der Hand.",
        "attributes": {"Leistung": "1200 W", "Material": "Edelstahl", "Vegan": "ja"},
        "competitors": ["Castermoor"],
    }
    said = texts(ask(product, "product", 500))
    assert not [text for text in said if "das Produkt" in text or " the " in text]
    joined = " ".join(said)
    for part in ("der Griff von Brelldorf Tarn Wasserkocher", "1200 W Leistung", "Thema Leistung", "Edelstahl"):
        assert part in joined
    assert any("im Bereich Wasserkocher" in text for text in texts(ask(product, "market", 500)))


def test_a_german_name_without_a_brand_gets_an_article(ask):
    said = " ".join(texts(ask({"title": "Wasserkocher", "locale": "de"}, "product", 500)))
    assert "beim Produkt Wasserkocher" in said
    assert "von dem" not in said


def test_other_locales_get_english(ask, kettle):
    assert texts(ask({**kettle, "locale": "fr"})) != []
    assert all(is_well_formed(text) and " the " in text for text in texts(ask({**kettle, "locale": "ja-JP"})))


def test_another_query_type_is_asked_about_as_a_product(ask, kettle):
    assert {question["sub_type"] for question in ask(kettle, "support", 60)} == set(PLANS["product"])
