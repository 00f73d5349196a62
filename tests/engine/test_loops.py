from __future__ import annotations

import pytest

from querygen_core.engine.loops import loops, texts_of

NOUNS = (
    "a flat",
    "a tiny kitchen",
    "camping",
    "a rainy week",
    "moving day",
    "a boat",
    "night shifts",
    "a winter garden",
)
ONE = "Is the Alva Kettle safe to use near a toddler's bed?"
THREE = ("Is it loud?", "How long does the Alva Kettle take to boil a litre?", "Can I descale it with vinegar?")
ADDED = ("and quiet", "and light", "and cheap", "and pretty", "and solid", "and quick", "and neat", "and small")
GROWING = ["Is the Alva Kettle safe" + "".join(f" {word}" for word in ADDED[:size]) + "?" for size in range(8)]
STAMMER = "Is the kettle really good and " + "really good and " * 20 + "useful?"

LOOPS = {
    "the same question": [ONE] * 8,
    "a cycle of three": [*THREE] * 6,
    "growing": GROWING,
    "stammering more and more": [f"Is the kettle {'really ' * times}safe?" for times in range(1, 9)],
    "other case, marks and spaces": [ONE, ONE.upper(), f"  {ONE.lower()}", f"«{ONE}»", f"{ONE}!!", f"{ONE[:-1]} ?"],
    "circles within each question": [f"{STAMMER} {noun}" for noun in NOUNS],
    "good ones, then the same": [*THREE, *[ONE] * 9],
}
COUNTING = {
    "at the end": [f"{ONE[:-1]} {number}?" for number in range(1, 12)],
    "in front": [f"{number}. {ONE}" for number in range(1, 12)],
    "ordinals": [f"Is the {number}th kettle safe?" for number in range(4, 12)],
    "letters": [f"({letter}) {ONE}" for letter in "abcdefgh"],
    "a random mark": [f"{ONE} [x{number * 7919:05x}9]" for number in range(12)],
    "without spaces": [f"这个水壶在露营时安全吗{number}？" for number in range(1, 9)],
}
DIFFERENT = {
    "none": [],
    "two alike": [ONE, ONE],
    "one n-gram with other nouns": [f"Is the Alva Kettle the right choice for {noun}?" for noun in NOUNS],
    "long ones that differ in one word": [
        f"Does the Alva Kettle of steel and oak with a width of 40 cm fit well into a small {noun}?"
        for noun in ("boat", "van", "tent", "flat", "shed", "office", "kitchen")
    ],
    "a grid of beginnings and ends": [
        f"{start} the Alva Kettle {end}?"
        for start in ("Can I use", "Should I buy", "Do people like")
        for end in ("for a boat", "on a gas stove", "as a gift", "without its lid")
    ],
    "a few twice": [*[f"Is it good for {noun}?" for noun in NOUNS], *[f"Is it good for {noun}?" for noun in NOUNS[:7]]],
    "sizes among others": [*THREE, *[f"Does it fit a shelf of {size} cm?" for size in (20, 30, 40)], "Is it heavy?"],
    "without spaces": ["这个水壶安全吗？", "水壶的容量是多少？", "可以用来煮茶吗？", "保修期多久？"],
    "of one letter": ["A?", "B?", "C?", "D?"],
}


@pytest.mark.parametrize("texts", LOOPS.values(), ids=LOOPS)
def test_a_loop_is_one_whether_cut_or_not(texts):
    assert loops(texts)
    assert loops(texts, cut=True)


@pytest.mark.parametrize("texts", COUNTING.values(), ids=COUNTING)
def test_a_model_that_counts_without_end_is_in_a_loop(texts):
    assert loops(texts, cut=True)
    assert loops(texts, asked=3), "it gave more than twice as many as it was asked for"
    assert not loops(texts, asked=len(texts)), "they may differ in a number only"


@pytest.mark.parametrize("texts", DIFFERENT.values(), ids=DIFFERENT)
def test_different_questions_are_none(texts):
    assert not loops(texts)
    assert not loops(texts, cut=True)


def test_a_cut_answer_must_say_something_new():
    texts = [f"Is it good for {noun}?" for noun in NOUNS]
    assert loops(texts, texts, cut=True)
    assert not loops(texts, texts), "a whole answer that repeats an earlier one is the filters' business"
    assert not loops([*texts, "Is it loud?"], texts, cut=True), "one of nine is new"
    assert loops([*texts, *texts[:3], "Is it loud?"], texts, cut=True), "one of twelve is new"


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ({"questions": [{"text": "A?", "sub_type": "x"}, "B?", {"other": 1}, 7]}, ["A?", "B?"]),
        ({"questions": "A?"}, []),
        ({"verdict": "good"}, []),
        ("A?", []),
        (None, []),
    ],
)
def test_the_questions_are_found_in_a_value(value, texts):
    assert texts_of(value) == texts


@pytest.mark.parametrize(
    "text", ["a" * 5_000, "a1" * 2_500, "x " * 2_500, "1" * 5_000], ids=["letters", "ids", "words", "digits"]
)
def test_the_longest_answers_are_judged(text):
    """Quadratic work would take minutes."""
    assert loops([text] * 2_000)
