from __future__ import annotations

import asyncio
import json
import re
from collections import Counter

import pytest

from querygen_core.api import ProviderError
from querygen_offline.model import OfflineModel
from querygen_offline.options import OfflineOptions

PRODUCTS = [{"title": f"Zorvex {number} Kettle", "brand": "Zorvex"} for number in range(1000, 1060)]
NUMBERED = re.compile(r'\d+[.)] |- |• |"|\*\*')
LEAKED = re.compile(r"(?:Here are \d+ questions|As an AI|Sure!|Let me know|Note:)")


@pytest.fixture
def texts(ask):
    """All questions about all products, with these options."""

    def ask_all(**options):
        return [[item["text"] for item in ask(product, options=options)] for product in PRODUCTS]

    return ask_all


def changed(clean, flawed):
    assert [len(answer) for answer in flawed] == [len(answer) for answer in clean]
    both = [pair for answers in zip(clean, flawed, strict=True) for pair in zip(*answers, strict=True)]
    return [(before, after) for before, after in both if before != after], len(both)


def plain(text):
    return re.sub(r"^just wondering ", "", " ".join(re.findall(r"\w+", text.casefold())))


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_duplicates(texts, rate):
    clean, flawed = texts(), texts(duplicates=rate)
    found, asked = changed(clean, flawed)
    assert len(found) / asked == pytest.approx(rate * 24 / 25, rel=0.25)
    repeats = 0
    for before, after in zip(clean, flawed, strict=True):
        originals = {plain(text) for text in before}
        assert {plain(text) for text in after} <= originals
        repeats += sum(count - 1 for count in Counter(map(plain, after)).values())
    assert repeats == len(found)


def test_a_repeat_comes_after_what_it_repeats(texts):
    for before, after in zip(texts(), texts(duplicates=0.5), strict=True):
        for place, text in enumerate(after):
            assert plain(text) in [plain(earlier) for earlier in before[: place + 1]]


def test_repeats_take_several_forms(texts):
    found, _ = changed(texts(), texts(duplicates=0.5))
    after = [text for _, text in found]
    for form in (r"Just wondering, [a-z]", r"[a-z]", r".*\?\?$", r".*[^?]$", r"[A-Z].*[^?]\?$"):
        assert any(re.match(form, text) for text in after), form


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_numbering(texts, rate):
    found, asked = changed(texts(), texts(numbering=rate))
    assert len(found) / asked == pytest.approx(rate, rel=0.25)
    assert all(NUMBERED.match(after) and before in after for before, after in found)
    assert len({NUMBERED.match(after)[0][-2:] for _, after in found}) == 6


def test_numbers_are_those_of_the_place(texts):
    answer = texts(numbering=1)[0]
    numbers = [(place, re.match(r"(\d+)[.)] ", text)) for place, text in enumerate(answer, start=1)]
    assert all(int(found[1]) == place for place, found in numbers if found)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_leaks(texts, rate):
    found, asked = changed(texts(), texts(leaks=rate))
    assert len(found) / asked == pytest.approx(rate, rel=0.25)
    assert all(LEAKED.match(after) for _, after in found)
    assert any("Here are 25 questions" in after for _, after in found)


def test_flaws_come_together_at_their_own_rates(texts):
    alone, _ = changed(texts(), texts(leaks=0.1))
    together = [text for answer in texts(leaks=0.1, numbering=0.3, duplicates=0.3) for text in answer]
    assert sum(bool(LEAKED.search(text)) for text in together) == len(alone)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_cut_off(write, complete, rate):
    cut = 0
    for product in PRODUCTS:
        whole, maybe = complete(write(product)), complete(write(product), cut_off=rate)
        assert whole.text.startswith(maybe.text)
        assert maybe.finish == ("stop" if maybe.text == whole.text else "length")
        cut += maybe.finish == "length"
    assert cut / len(PRODUCTS) == pytest.approx(rate, rel=0.35)


@pytest.mark.parametrize("count", [1, 2, 25])
def test_a_cut_answer_has_its_first_question_and_is_not_json(write, complete, count):
    first = None
    for product in PRODUCTS[:50]:
        answer = complete(write(product, count=count), cut_off=1)
        assert answer.finish == "length"
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
        first, _ = json.JSONDecoder().raw_decode(answer.text.removeprefix('{"questions": ['))
        assert first["text"].endswith("?")


def test_another_seed_is_another_answer(ask, kettle):
    assert ask(kettle) == ask(kettle, options={"seed": 0})
    assert ask(kettle) != ask(kettle, options={"seed": 1})


def test_the_flaws_of_a_request_stay_at_every_try(write, kettle):
    options = OfflineOptions(duplicates=0.3, numbering=0.3, leaks=0.3, cut_off=0.5, errors=0.5)
    model = OfflineModel(options)
    answers = {outcome(model, write(kettle)) for _ in range(40)}
    assert len([answer for answer in answers if answer not in ("retry", "throttled")]) == 1


def outcome(model, request):
    try:
        return asyncio.run(model.complete(request)).text
    except ProviderError as exc:
        return exc.kind


def failures_before_an_answer(model, request):
    for tries in range(30):
        said = outcome(model, request)
        if said not in ("retry", "throttled"):
            return tries
    raise AssertionError("trying again does not get through")


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_errors(write, rate):
    model = OfflineModel(OfflineOptions(errors=rate))
    failed = sum(failures_before_an_answer(model, write(product, count=1)) for product in PRODUCTS)
    assert failed / (failed + len(PRODUCTS)) == pytest.approx(rate, rel=0.25)
    assert model._attempts == {}, "only what is still failing is remembered"


def test_errors_are_of_two_kinds(write):
    model = OfflineModel(OfflineOptions(errors=1))
    kinds = Counter(outcome(model, write(product)) for product in PRODUCTS)
    assert kinds["retry"] + kinds["throttled"] == len(PRODUCTS)
    assert kinds["retry"] / len(PRODUCTS) == pytest.approx(0.5, abs=0.1)


def test_an_error_says_what_to_make_of_it(write, complete):
    for product in PRODUCTS[:20]:
        with pytest.raises(ProviderError, match="option `errors`") as caught:
            complete(write(product), errors=1)
        assert (caught.value.retry_after is not None) == (caught.value.kind == "throttled")


def test_errors_do_not_change_answers(write, complete, kettle):
    model = OfflineModel(OfflineOptions(errors=0.5))
    said = {outcome(model, write(kettle)) for _ in range(20)} - {"retry", "throttled"}
    assert said == {complete(write(kettle)).text}


def test_what_cannot_change_an_answer_is_in_no_key():
    assert OfflineOptions.not_in_key == {"latency_ms", "errors"}


def test_latency_is_waited_for_and_can_be_cancelled(write, kettle):
    async def run():
        loop = asyncio.get_running_loop()
        began = loop.time()
        await OfflineModel(OfflineOptions(latency_ms=30)).complete(write(kettle))
        assert loop.time() - began >= 0.029
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(OfflineModel(OfflineOptions(latency_ms=60_000)).complete(write(kettle)), 0.01)

    asyncio.run(run())
