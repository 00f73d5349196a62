from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import Query

GOOD = "How loud is the SwiftBoil K7?"


@pytest.mark.parametrize(
    "text",
    [
        "1. How loud is the SwiftBoil K7?",
        "1.How loud is the SwiftBoil K7?",
        "(3) How loud is the SwiftBoil K7?",
        "[3] How loud is the SwiftBoil K7?",
        "12) How loud is the SwiftBoil K7?",
        "12 - How loud is the SwiftBoil K7?",
        "#4 How loud is the SwiftBoil K7?",
        "b) How loud is the SwiftBoil K7?",
        "iv. How loud is the SwiftBoil K7?",
        "1️⃣ How loud is the SwiftBoil K7?",
        "- How loud is the SwiftBoil K7?",
        "• How loud is the SwiftBoil K7?",
        "– 2. How loud is the SwiftBoil K7?",
        "Q: How loud is the SwiftBoil K7?",
        "Q4: How loud is the SwiftBoil K7?",
        "Question: How loud is the SwiftBoil K7?",
        "Question 12 – How loud is the SwiftBoil K7?",
        "Product question: How loud is the SwiftBoil K7?",
        "**How loud is the SwiftBoil K7?**",
        "3. **How loud is the SwiftBoil K7?**",
        "*How loud is the SwiftBoil K7?*",
        "How loud is the __SwiftBoil K7__?",
        "`How loud is the SwiftBoil K7?`",
        "## How loud is the SwiftBoil K7?",
        "<p>How loud is the SwiftBoil K7?</p>",
        "How loud is the <b>SwiftBoil</b> K7?",
        "How loud is the&nbsp;SwiftBoil K7?",
        "How loud is the&amp;nbsp;SwiftBoil K7?",
        "&lt;i&gt;How loud is the SwiftBoil K7?&lt;/i&gt;",
        '"How loud is the SwiftBoil K7?"',
        '"How loud is the SwiftBoil K7"?',
        "'How loud is the SwiftBoil K7?'",
        "“How loud is the SwiftBoil K7?”",
        "„How loud is the SwiftBoil K7?“",
        "«How loud is the SwiftBoil K7?»",
        "“How loud is the SwiftBoil K7?",
        '{"question": "How loud is the SwiftBoil K7?"},',
        '"text": "How loud is the SwiftBoil K7?",',
        '\\"How loud is the SwiftBoil K7?\\"',
        "  How  loud is\tthe\nSwiftBoil\u00a0K7? ",
        "How\u200b loud is the Swift\u00adBoil K7?\ufeff",
        "How loud is\u202e the SwiftBoil K7?\x00\x1b[31m",
        "How loud is the SwiftBoil K7\ud800?",
        "How loud is the SwiftBoil K7 ?",
        "How loud is the SwiftBoil K7???",
        "How loud is the SwiftBoil K7?!",
        "How loud is the SwiftBoil K7 ? ?",
        "How loud is the SwiftBoil K7?.",
        "How loud is the SwiftBoil K7.",
        "How loud is the SwiftBoil K7",
        "how loud is the SwiftBoil K7?",
        "HOW LOUD IS THE SWIFTBOIL K7?",
        "Ｈｏｗ loud is the SwiftBoil K7？",
        "🔊 How loud is the SwiftBoil K7? 🤔",
    ],
)
def test_repairs(run, kettle, text):
    done = run.one(kettle, text, "standardise")
    assert (done.text, done.dropped) == (GOOD, None)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "3 in front, 2 behind: how are the kettles packed?",
        "3-in-1 or 2-in-1: which kettle set is better?",
        "1.7 l may be much, so is there a smaller SwiftBoil?",
        "5 to 10 minutes or less: how fast is it?",
        "iKettle or SwiftBoil: which one is quieter?",
        "Is the surface 20 m² large?",
        'Does the lid measure 12" across?',
        'Which "quiet" kettles are the best?',
        "Is it sold at Rick's or at AT&T?",
        "Is 5 * 3 * 2 cm the size of the filter?",
        "Is the water < 80 °C or > 90 °C warm enough?",
        "Does it know snake_case_names in its app?",
        "Is Café Zoë's kettle the SwiftBoil K7?",
        "Is <product> good?",
        "Is <script>alert(1)</script> good?",
        "Brambleby kettles boil fast.",
        "What a kettle!",
        "How it works",
        "Why guests love the SwiftBoil K7",
        "Do not buy this kettle.",
        "Which is why guests love the SwiftBoil K7.",
        "Can the SwiftBoil K7 be used for tea, coffee and",
        "How loud is the SwiftBoil K7...",
    ],
)
def test_leaves_alone(run, kettle, text):
    assert run.one(kettle, text, "standardise").text == text


def test_repairs_mojibake(run, kettle):
    assert run.one(kettle, "Is CafÃ© Brambleby open?", "standardise").text == "Is Café Brambleby open?"
    assert run.one(kettle, "Whatâ€™s in the box?", "standardise").text == "What's in the box?"


def test_stores_nfc_and_not_nfkc(run, kettle):
    assert run.one(kettle, "Is the cafe\u0301 table 1 m² or ½ m² large?", "standardise").text == (
        "Is the café table 1 m² or ½ m² large?"
    )


def test_capitals_keep_names_numbers_and_acronyms(run, kettle):
    text = "CAN I CHARGE THE BRAMBLEBY SWIFTBOIL K7 BY USB LIKE A FERROW KETTLE?"
    assert run.one(kettle, text, "standardise").text == (
        "Can I charge the Brambleby SwiftBoil K7 by USB like a Ferrow kettle?"
    )


def test_capitals_of_measures_are_brought_down(run, kettle):
    product = replace(kettle, title="Brambleby 12-Inch Pan")
    assert run.one(product, "IS THE BRAMBLEBY 12-INCH PAN OK FOR 5G?", "standardise").text == (
        "Is the Brambleby 12-inch Pan OK for 5G?"
    )


def test_a_lower_case_brand_stays_so(run, kettle):
    product = replace(kettle, title="brambleby kettle", brand="brambleby")
    assert run.one(product, "brambleby or Ferrow: which is quieter?", "standardise").text.startswith("brambleby or")


@pytest.mark.parametrize(
    ("locale", "text", "wanted"),
    [
        ("de", "Wie lange braucht der Kessel", "Wie lange braucht der Kessel?"),
        ("de-AT", "Passt der Deckel auf ältere Modelle.", "Passt der Deckel auf ältere Modelle?"),
        ("de", "3. Generation oder 2.: welche ist leiser?", "3. Generation oder 2.: welche ist leiser?"),
        ("de", "3. Wie laut ist der Kessel?", "3. Wie laut ist der Kessel?"[3:]),
        ("fr", "Quelle est la puissance de la bouilloire", "Quelle est la puissance de la bouilloire?"),
        ("fr", "La bouilloire s'arrête-t-elle seule", "La bouilloire s'arrête-t-elle seule?"),
        ("fr", "Combien pèse la bouilloire\u202f?", "Combien pèse la bouilloire ?"),
        ("es", "¿Cuánto pesa el hervidor", "¿Cuánto pesa el hervidor?"),
        ("it", "Quanto pesa il bollitore", "Quanto pesa il bollitore?"),
        ("nl", "Hoe zwaar is de waterkoker", "Hoe zwaar is de waterkoker?"),
        ("ja", "このケトルは静かですか？？", "このケトルは静かですか？"),
        ("ar", "كم يزن هذا الغلاية؟؟", "كم يزن هذا الغلاية؟"),
        ("fa", "آیا این کتری بی\u200cصدا است؟", "آیا این کتری بی\u200cصدا است؟"),
        ("pl", "Czy czajnik jest cichy", "Czy czajnik jest cichy"),
    ],
)
def test_languages(run, kettle, locale, text, wanted):
    assert run.one(replace(kettle, locale=locale), text, "standardise").text == wanted


@pytest.mark.parametrize("text", ["", "   ", "...", "???", "{}", "**", "\u200b", "🤔", "1. ", '""'])
def test_drops_what_holds_nothing(run, kettle, text):
    assert run.one(kettle, text, "standardise").dropped == "standardise/empty"


def test_options(run, kettle):
    plain = run.build("standardise", add_question_mark=False, fix_case=False)
    assert run.one(kettle, "how loud is it", plain).text == "how loud is it"
    assert run.one(kettle, "HOW LOUD IS THE KETTLE?", plain).text == "HOW LOUD IS THE KETTLE?"


def test_leaves_the_dropped_alone_and_keeps_what_it_knows_of_a_query(run, kettle):
    dropped = Query(text="1. How loud is it", dropped="other/reason")
    asked = Query(text="1. how loud is it?", query_type="market", labels={"facet": "noise"}, request_key="k")
    plain = run.build("standardise", labels=False)
    assert run.queries(kettle, [dropped, asked], plain) == [dropped, replace(asked, text="How loud is it?")]
