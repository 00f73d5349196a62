"""Preprocessors, generators and postprocessors."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from querygen_core.api import Query, Reject, Stopped
from querygen_core.testing import GeneratorContract, PostprocessorContract, PreprocessorContract, request
from tests.testing.verdict import catches


class Brands:
    """Rejects what has no brand, tidies the title of the rest."""

    async def process(self, products):
        return [self.one(item) for item in products]

    def one(self, item):
        if not item.brand:
            return Reject(reason="no_brand", message="the product has no brand", key=item.key)
        return replace(item, title=item.title.strip())


class TestBrands(PreprocessorContract):
    step = Brands

    def build(self, tmp_path):
        return self.step()


class Dropping(Brands):
    async def process(self, products):
        return [item for item in await super().process(products) if not isinstance(item, Reject)]


class Sorting(Brands):
    async def process(self, products):
        return sorted(await super().process(products), key=str, reverse=True)


class Remembering(Brands):
    def __init__(self):
        self.seen = set()

    def one(self, item):
        known = item.key in self.seen
        self.seen.add(item.key)
        return Reject(reason="seen", message="seen before") if known else item


class Comparing(Brands):
    async def process(self, products):
        return [replace(item, description=f"one of {len(products)}") for item in products]


class Mutating(Brands):
    def one(self, item):
        item.attributes["Colour"] = "black"
        return item


class Fragile(Brands):
    def one(self, item):
        item.title.encode()
        return item


class Unreasoned(Brands):
    def one(self, item):
        return Reject(reason="No brand", message="")


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Dropping, "test_gives_one_result_for_each"),
        (Sorting, "test_gives_one_result_for_each"),
        (Remembering, "test_does_the_same_again"),
        (Comparing, "test_a_product_does_not_see_its_neighbours"),
        (Mutating, "test_leaves_its_arguments_alone"),
        (Fragile, "test_survives_hostile_texts"),
        (Unreasoned, "test_rejections_have_a_reason"),
    ],
)
def test_a_wrong_preprocessor_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestBrands,), {"step": wrong}), test, tmp_path)


class Asking:
    reads = ("title",)

    def __init__(self):
        self.fingerprint = {"prompt": "abc"}

    async def generate(self, product, want, ask):
        prompt = " ".join(str(getattr(product, name)) for name in self.reads)
        answer = await ask(request(f"{want.count} questions about {prompt}"))
        return [Query(text=text) for text in answer.value["questions"]]


class TestAsking(GeneratorContract):
    step = Asking

    def build(self, tmp_path):
        return self.step()


class Pricing(Asking):
    """Shows the price to the model and says so."""

    reads = ("title", "price")
    volatile = frozenset({"price"})


class TestPricing(TestAsking):
    step = Pricing


class SecretlyPricing(Pricing):
    volatile = frozenset()


class Referring(Asking):
    reads = ("title", "refs")


class Random(Asking):
    async def generate(self, product, want, ask):
        return [Query(text=f"Question {random.random()}?")]


class Numbering(Asking):
    number = 0

    async def generate(self, product, want, ask):
        self.number += 1
        return [Query(text=f"Question {self.number}?")]


class Stubborn(Asking):
    async def generate(self, product, want, ask):
        try:
            return await super().generate(product, want, ask)
        except Stopped:
            return []


class Dropped(Asking):
    async def generate(self, product, want, ask):
        return [Query(text="Why?", dropped="text/quality/short")]


class Moody(Asking):
    def __init__(self):
        self.fingerprint = {"mood": random.random()}


class Templating(Asking):
    async def generate(self, product, want, ask):
        return [Query(text=product.title.format() or "Why?")]


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (SecretlyPricing, "test_asks_the_same_when_only_the_price_changes"),
        (Referring, "test_asks_the_same_when_only_the_price_changes"),
        (Random, "test_makes_the_same_again"),
        (Numbering, "test_products_do_not_see_each_other"),
        (Stubborn, "test_lets_the_end_of_the_run_pass"),
        (Dropped, "test_makes_queries"),
        (Moody, "test_says_what_it_depends_on"),
        (Templating, "test_survives_hostile_products"),
    ],
)
def test_a_wrong_generator_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestAsking,), {"step": wrong}), test, tmp_path)


class Tidy:
    """Cuts numbering off, drops what is short or was there before."""

    async def process(self, product, queries, ask):
        seen = set()
        return [self.one(item, seen) for item in queries]

    def one(self, item, seen):
        text = item.text.removeprefix("1. ")
        key = (item.query_type, text.casefold().rstrip("?"))
        if item.dropped is None and (len(text) < 8 or key in seen):
            return replace(item, text=text, dropped="test/tidy/short_or_same")
        seen.add(key)
        return replace(item, text=text)


class TestTidy(PostprocessorContract):
    step = Tidy

    def build(self, tmp_path):
        return self.step()


class Removing(Tidy):
    async def process(self, product, queries, ask):
        return [item for item in await super().process(product, queries, ask) if item.dropped is None]


class Grouping(Tidy):
    async def process(self, product, queries, ask):
        return sorted(await super().process(product, queries, ask), key=lambda item: item.dropped or "")


class Reversing(Tidy):
    async def process(self, product, queries, ask):
        return (await super().process(product, queries, ask))[::-1]


class Reviving(Tidy):
    def one(self, item, seen):
        return replace(super().one(item, seen), dropped=None)


class Renaming(Tidy):
    def one(self, item, seen):
        return replace(super().one(item, seen), dropped=item.dropped and "test/tidy/other")


class Hoarding(Tidy):
    """Removes duplicates across products."""

    def __init__(self):
        self.seen = set()

    async def process(self, product, queries, ask):
        return [self.one(item, self.seen) for item in queries]


class Rambling(Tidy):
    def one(self, item, seen):
        return replace(item, dropped="it is too short, sadly")


class Encoding(Tidy):
    def one(self, item, seen):
        item.text.encode()
        return item


class Disowning(Tidy):
    def one(self, item, seen):
        return Query(text=item.text)


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Removing, "test_keeps_number_and_order"),
        (Grouping, "test_keeps_number_and_order"),
        (Reversing, "test_can_run_on_its_own_result"),
        (Reviving, "test_what_was_dropped_stays_dropped"),
        (Renaming, "test_what_was_dropped_stays_dropped"),
        (Hoarding, "test_does_the_same_again"),
        (Hoarding, "test_products_do_not_see_each_other"),
        (Rambling, "test_a_drop_has_a_reason"),
        (Encoding, "test_survives_hostile_texts"),
        (Disowning, "test_keeps_number_and_order"),
    ],
)
def test_a_wrong_postprocessor_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestTidy,), {"step": wrong}), test, tmp_path)
