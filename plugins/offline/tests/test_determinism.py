from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, pickle, sys
from querygen_offline.options import OfflineOptions
from querygen_offline.model import OfflineModel
requests = pickle.load(sys.stdin.buffer)
model = OfflineModel(OfflineOptions(duplicates=0.2, numbering=0.2, leaks=0.2, cut_off=0.5))
answers = [asyncio.run(model.complete(request)) for request in requests]
sys.stdout.buffer.write(pickle.dumps(answers))
"""


@pytest.fixture
def requests(write, kettle):
    german = {**kettle, "locale": "de"}
    return [write(product, kind) for product in (kettle, german, {"title": "Zorvex"}) for kind in ("product", "market")]


@pytest.mark.slow
@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_answers_are_the_same_in_every_process(requests, complete, hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=pickle.dumps(requests), capture_output=True, check=True, env=environment
    )
    here = [complete(request, duplicates=0.2, numbering=0.2, leaks=0.2, cut_off=0.5) for request in requests]
    assert pickle.loads(done.stdout) == here


def test_neither_order_nor_chance_matters(requests, complete):
    before = [complete(request).text for request in requests]
    random.seed(7)
    state = random.getstate()
    assert [complete(request).text for request in reversed(requests)] == before[::-1]
    assert random.getstate() == state


def test_every_word_of_the_request_matters(write, complete, kettle):
    request = write(kettle)
    assert complete(request).text != complete(write(kettle, round=1)).text
