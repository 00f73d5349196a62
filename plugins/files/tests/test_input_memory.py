"""However long a catalogue is, reading it takes the same memory: the peak of a process, early and at the end."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

BOUND = 1024  # KiB; the catalogues below are more than that as text, and many times that as records
EARLY = 3_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc"),
]

READ = """
import re, sys
from pathlib import Path
from querygen_core.testing import context
from querygen_files import build_catalogue
from querygen_files.options import CatalogueOptions

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

reader = build_catalogue(CatalogueOptions(path=sys.argv[1]), context(Path.cwd()))
for count, result in enumerate(reader.read(), 1):
    if count == int(sys.argv[2]):
        early = peak()
print(count, early, peak())
"""

TEXT = "A kettle of steel that boils one litre of water and then switches itself off. " * 3


def short(number):
    return f'{{"id": "{number}", "title": "Kettle {number}"}}'


def jsonl(number):
    return json.dumps({"id": number, "title": f"Kettle {number}", "description": f"{number} {TEXT}"})


def csv(number):
    return f'{number},Kettle {number},"{number} {TEXT}"'


def yaml(number):
    return f"- id: {number}\n  title: Kettle {number}\n  description: {number} {TEXT}"


def xml(number):
    return f"<item><id>{number}</id><title>Kettle {number}</title><description>{number} {TEXT}</description></item>"


FORMATS = {
    "lines": ("", short, "\n", "\n", 200_000),
    "array": ("[", jsonl, ",\n", "]", 12_000),
    "table": ("id,title,description\n", csv, "\n", "\n", 12_000),
    "sequence": ("", yaml, "\n", "\n", 12_000),
    "feed": ("<rss><channel>", xml, "\n", "</channel></rss>", 12_000),
    "compressed": ("", jsonl, "\n", "\n", 12_000),
}


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_catalogue(name):
    head, record, between, tail, size = FORMATS[name]
    with gzip.open("shop", "wt", compresslevel=1) if name == "compressed" else Path("shop").open("w") as file:
        file.write(head)
        file.writelines(record(number) + (between if number < size else tail) for number in range(1, size + 1))
    done = subprocess.run(
        [sys.executable, "-c", READ, "shop", str(EARLY)], capture_output=True, text=True, check=True, timeout=250
    )
    count, early, late = map(int, done.stdout.split())
    assert count == size
    assert late - early < BOUND
