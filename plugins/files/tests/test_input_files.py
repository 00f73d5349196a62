"""Where a catalogue comes from: a path, beside the config, a storage; wrong options; how far it has been read."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from files_catalogues import brief, catalogue, said
from querygen_core.api import ConfigError, InputError, MissingInput
from querygen_core.testing import context
from querygen_files import build_catalogue
from querygen_files.options import CatalogueOptions


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": {"titel": "x"}},
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"separator": "::"},
        {"format": "xls"},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CatalogueOptions(path="x", **wrong)


def test_a_misspelt_field_is_helped_with():
    with pytest.raises(ValueError, match="did you mean 'title'"):
        CatalogueOptions(path="x", fields={"titel": "name"})


def test_a_missing_file_is_missing():
    with pytest.raises(MissingInput, match=r"nowhere\.csv: there is no such file") as caught:
        list(catalogue("nowhere.csv").read())
    assert caught.value.exit_code == 66


@pytest.mark.parametrize("path", [".", "x\0y", "~nobody-of-that-name/x.csv"])
def test_what_is_no_file_is_refused(path):
    with pytest.raises(InputError) as caught:
        list(catalogue(path).read())
    assert caught.value.exit_code in (65, 66)


def test_a_file_is_found_beside_the_config(tmp_path):
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "shop.csv").write_text("id,title\n1,A\n")
    reader = build_catalogue(CatalogueOptions(path="shop.csv"), context(folder))
    assert [brief(result) for result in reader.read()] == ["2 1 A"]


class Bucket:
    """A storage whose objects are read once and in small pieces, as over a network."""

    def __init__(self, objects):
        self.objects = objects

    def open(self, url):
        if url not in self.objects:
            raise MissingInput(f"{url}: there is no such object")
        return Trickle(self.objects[url])

    def list(self, url):
        return sorted(name for name in self.objects if name.startswith(url))


class Trickle(io.RawIOBase):
    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, size=-1):
        return self._data.read(min(size, 7) if size > 0 else 7)


def test_a_url_is_read_through_its_storage():
    content = gzip.compress(json.dumps([{"id": number, "title": f"T{number}"} for number in range(50)]).encode())
    opened = []

    def open_storage(url):
        opened.append(url)
        return Bucket({"s3://shop/all.json.gz": content})

    reader = build_catalogue(
        CatalogueOptions(path="s3://shop/all.json.gz"), context(Path.cwd(), open_storage=open_storage)
    )
    products = list(reader.read())
    assert [product.product_id for product in products] == [str(number) for number in range(50)]
    assert products[0].raw_ref == "s3://shop/all.json.gz:1"
    assert opened == ["s3://shop/all.json.gz"]
    assert reader.fraction() is None


FEED = {
    "s3://shop/in/": b"",
    "s3://shop/in/_SUCCESS": b"",
    "s3://shop/in/b.csv": b"id,title\n3,Lamp\n",
    "s3://shop/in/a/2.jsonl": b'{"id": 1, "title": "Kettle"}\n{"id": 2, "title": ""}\n',
    "s3://shop/in/a/.hidden": b"\x00",
    "s3://shop/input.csv": b"id,title\n9,Not this\n",
}


def test_a_url_that_ends_with_a_slash_is_all_that_is_under_it():
    options = CatalogueOptions(path="s3://shop/in/")
    reader = build_catalogue(options, context(Path.cwd(), open_storage=lambda _: Bucket(FEED)))
    kettle, untitled, lamp = reader.read()
    assert [(one.product_id, one.raw_ref) for one in (kettle, lamp)] == [
        ("1", "s3://shop/in/a/2.jsonl:1"),
        ("3", "s3://shop/in/b.csv:2"),
    ]
    assert (untitled.file, untitled.line) == ("s3://shop/in/a/2.jsonl", 2)


@pytest.mark.parametrize("path", ["s3://shop/empty/", "s3://shop/in/_x/"])
def test_a_url_with_nothing_under_it_is_missing(path):
    reader = build_catalogue(
        CatalogueOptions(path=path),
        context(Path.cwd(), open_storage=lambda _: Bucket({**FEED, "s3://shop/in/_x/": b""})),
    )
    with pytest.raises(MissingInput, match="there is no file under this URL; check the path"):
        list(reader.read())


def test_a_url_without_a_storage_is_a_config_error():
    with pytest.raises(ConfigError, match="s3://shop/x"):
        list(catalogue("s3://shop/x").read())


def test_the_fraction_grows_to_one():
    Path("shop.jsonl").write_text('{"id": 1, "title": "Acme Kettle"}\n' * 30_000)
    reader = catalogue("shop.jsonl")
    assert reader.fraction() is None
    seen = [reader.fraction() for _ in reader.read()]
    assert seen == sorted(seen)
    assert seen[0] < 0.5
    assert reader.fraction() == 1.0


def test_products_without_ids_are_told_of_once(caplog):
    said("title\nA\nB\nC\n")
    assert [record.getMessage() for record in caplog.records if "no id" in record.getMessage()] == [
        "shop.dat: 3 products have no id; one was made from brand, title, mpn and gtin"
    ]
