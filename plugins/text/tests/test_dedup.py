from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import Query

FIRST = "How often should I clean the SwiftBoil K7?"


@pytest.mark.parametrize(
    ("kind", "second"),
    [
        ("exact", FIRST),
        ("normalised", "how often should i clean the swiftboil k7"),
        ("normalised", "HOW OFTEN SHOULD I CLEAN THE SWIFTBOIL K7?"),
        ("normalised", "Ｈｏｗ ｏｆｔｅｎ should I clean the SwiftBoil K7??"),
        ("normalised", "4. How often should I clean the SwiftBoil K7?"),
        ("normalised", "- **How often should I clean the SwiftBoil K7?**"),
        ("normalised", '"How often should I clean the SwiftBoil K7?"'),
        ("normalised", "<p>How often should I clean the SwiftBoil K7?</p>"),
        ("normalised", "How\u200b often should I\u00a0clean the SwiftBoil K7?"),
        ("normalised", "How often should I clean the Brambleby SwiftBoil K7 Electric Kettle 1.7 l?"),
        ("normalised", "How often should I clean my Brambleby SwiftBoil?"),
        ("normalised", "How often should I clean the Brambleby kettle?"),
        ("normalised", "How often should I clean this kettle?"),
        ("normalised", "How often should I clean this product?"),
        ("normalised", "How often should I clean it?"),
        ("normalised", "How often should we really clean the SwiftBoil K7?"),
        ("normalised", "Just wondering, how often should I clean the SwiftBoil K7?"),
        ("normalised", "Could you tell me: how often should I clean the SwiftBoil K7?"),
        ("normalised", "Hi, quick question: how often should I clean the SwiftBoil K7?"),
        ("near", "How oftne should I clean the SwiftBoil K7?"),
        ("near", "How often should I clean the SwfitBoil K7?"),
        ("near", "How often should I clean the Swift Boil K7?"),
    ],
)
def test_the_same_again(run, kettle, kind, second):
    first, again = run.texts(kettle, [FIRST, second], "dedup")
    assert (first.dropped, again.dropped) == (None, f"dedup/{kind}")


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("What's the capacity of the kettle?", "What is the capacity of the kettle?", "normalised"),
        ("Doesn't the kettle leak?", "Does not the kettle leak?", "normalised"),
        ("Which colours are there?", "What colors are there?", "normalised"),
        ("Does it cost over $2,500?", "Does it cost over 2500 dollars?", "normalised"),
        ("Does the cord reach 3 m?", "Does the cord reach three metres?", "normalised"),
        ("Is the Brambleby's lid steel?", "Is the Brambleby lid steel?", "normalised"),
        ("Does the kettle come with a filter?", "Does the kettle come with filters?", "near"),
        ("Is the base dishwasher-safe?", "Is the base dish washer safe?", "near"),
        ("Can I use tea and coffee in the kettle?", "Can I use coffee and tea in the kettle?", "near"),
        ("How does the Cascade compare with the Drip?", "How does the Drip compare with the Cascade?", "near"),
        ("Should I buy the K7 or the Ferrow Cascade?", "Should I buy the Ferrow Cascade or the K7?", "near"),
    ],
)
def test_other_forms_of_the_same(run, kettle, one, other, kind):
    assert [query.dropped for query in run.texts(kettle, [one, other], "dedup")] == [None, f"dedup/{kind}"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is there a 20-inch version?", "Is there a 24-inch version?"),
        ("Does it cost 70 euros?", "Does it cost 70 dollars?"),
        ("Does it hold 1.7 l?", "Does it hold 17 l?"),
        ("Can it stand -5 °C?", "Can it stand 5 °C?"),
        ("Is the X2 5 kg heavy?", "Is the X 25 kg heavy?"),
        ("How many watts does the kettle draw?", "How many volts does the kettle draw?"),
        ("Is the kettle waterproof?", "Is the kettle windproof?"),
        ("Is the lid removable?", "Is the lid not removable?"),
        ("Does it work with induction?", "Does it work without induction?"),
        ("Which is the quietest kettle?", "Which is the loudest kettle?"),
        ("Until when is it under warranty?", "Since when is it under warranty?"),
        ("How do I store it before use?", "How do I store it after use?"),
        ("Is the kettle sold in Norway?", "Is the kettle sold in Spain?"),
        ("Is the Brambleby better than the Ferrow?", "Is the Ferrow better than the Brambleby?"),
        ("Is the Brambleby better than the Ferrow?", "Is the Brambleby cheaper than the Ferrow?"),
        ("Can the kettle charge the base?", "Can the base charge the kettle?"),
        ("Is the SwiftBoil K7 quiet?", "Is the SwiftBoil K9 quiet?"),
        ("Is the Mini edition good?", "Is the Mini Plus edition good?"),
        ("Are Brambleby lids easy to find?", "Are Ferrow lids easy to find?"),
        ("Is Brambleby a trusted brand?", "Is the SwiftBoil K7 a trusted brand?"),
        ("Is an electric kettle worth it?", "Is this product worth it?"),
        ("Is it painted?", "Is it printed?"),
        ("Does it support charging?", "Does it support changing?"),
        ("このケトルは静かですか？", "このケトルは静でかすか？"),
        ("🙂?", "🙁?"),
        ("???", "!!!"),
    ],
)
def test_keeps_apart(run, kettle, one, other):
    assert [query.dropped for query in run.texts(kettle, [one, other], "dedup")] == [None, None]


def test_a_kind_of_product_is_not_the_product(run, kettle):
    drill = replace(kettle, title="Cordless Drill 18 V", brand="")
    texts = ["Is this product worth it?", "Is a cordless drill worth it?", "Is the cordless drill worth it?"]
    assert [query.dropped for query in run.texts(drill, texts, "dedup")] == [None, None, "dedup/normalised"]


def test_paraphrases_are_not_found(run, kettle):
    """A limit that the README states; if this fails, the README is to be changed."""
    texts = ["How often should I clean the kettle?", "What is the cleaning interval of the kettle?"]
    assert [query.dropped for query in run.texts(kettle, texts, "dedup")] == [None, None]


def test_compares_across_query_types_and_only_within_a_product(run, kettle):
    asked = [Query(text=FIRST, query_type=kind) for kind in ("product", "market")]
    assert [query.dropped for query in run.queries(kettle, asked, "dedup")] == [None, "dedup/exact"]
    dedup = run.build("dedup")
    assert [run.one(replace(kettle, product_id=key), FIRST, dedup).dropped for key in "ab"] == [None, None]


def test_the_dropped_do_not_count(run, kettle):
    asked = [Query(text=FIRST, dropped="quality/url"), Query(text=FIRST)]
    assert run.queries(kettle, asked, "dedup") == asked


def test_options(run, kettle):
    texts = [FIRST, FIRST.replace("often", "oftne")]
    assert run.texts(kettle, texts, run.build("dedup", near=False))[1].dropped is None
    assert run.texts(kettle, texts, run.build("dedup", threshold=100))[1].dropped is None
    assert run.texts(kettle, texts, run.build("dedup", threshold=60))[1].dropped == "dedup/near"


def test_a_product_without_brand_or_title_words(run, kettle):
    bare = replace(kettle, title="—", brand="", attributes={})
    assert [query.dropped for query in run.texts(bare, [FIRST, FIRST + "?"], "dedup")] == [None, "dedup/normalised"]
