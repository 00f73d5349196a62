"""However many products: the peak of a process that delivers, early and at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aws_s3_place import Place

BOUND = 12 * 1024  # KiB; what is delivered below is more than twice that
EARLY = 1_000

FOLDER = Path(__file__).parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc"),
]

DELIVER = """
import asyncio, re, sys
from pathlib import Path
from aws_s3_place import Place
from querygen_core.testing import outcome, query

TEXT = "Does this kettle of brushed steel boil one litre of water in less than three minutes, number {}? "

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def batch(start):
    texts = [query(TEXT.format(n) * 3) for n in range(12)]
    return [outcome(*texts, product_id=f"P{n}", ordinal=n, state="short") for n in range(start, start + 100)]

async def run(layout, products):
    sink = Place(sys.argv[1], Path(sys.argv[2])).sink(layout=layout)
    await sink.check()
    for start in range(0, products, 100):
        await sink.apply(batch(start))
    await sink.publish()
    await sink.aclose()

layout, early, products = sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
asyncio.run(run(layout, early))
before = peak()
asyncio.run(run(layout, products))
asyncio.run(run(layout, products - 1000))
print(before, peak())
"""


@pytest.mark.parametrize("layout", ["document", "parts"])
def test_the_peak_does_not_grow_with_the_catalogue(bucket, aws, tmp_path, layout):
    """Written, read back, and written again shorter."""
    command = [sys.executable, "-c", DELIVER, bucket, str(tmp_path), layout, str(EARLY), str(4_500)]
    done = subprocess.run(
        command, cwd=FOLDER, env={**os.environ, **aws.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    early, late = map(int, done.stdout.split())
    client = Place(bucket, tmp_path).client
    size = sum(one["Size"] for one in client.list_objects_v2(Bucket=bucket, Prefix="query/")["Contents"])
    assert size > 2 * BOUND * 1024
    assert late - early < BOUND, f"{early} KiB after {EARLY} products, {late} KiB at the end"
