"""YAML, XML feeds, gzip, encodings, and files that are no catalogue."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pytest

from files_catalogues import read, said

YAML = {
    "list": ("- id: 1\n  title: A\n- id: 2\n  title: B\n", ["1 1 A", "3 2 B"]),
    "indented, with comments": (
        "# shop\n---\n\n  - id: 1\n    title: A\n\n  # next\n  - title: B\n    id: 2\n",
        ["4 1 A", "8 2 B"],
    ),
    "under a key": (
        "version: 3\nproducts:\n  - id: 1\n    title: A\n  - id: 2\n    title: B\nend: x\n",
        ["3 1 A", "5 2 B"],
    ),
    "under a key, not indented": ("kettles:\n- id: 1\n  title: A\nother: x\n", ["2 1 A"]),
    "documents": ("---\nid: 1\ntitle: A\n---\nid: 2\ntitle: B\ntags:\n- x\n...\n", ["2 1 A", "5 2 B"]),
    "one product": ("title: A\nid: 1\n", ["1 1 A"]),
    "block text with dashes": (
        "- id: 1\n  title: A\n  description: |\n    - x\n    - y\n- id: 2\n  title: B\n",
        ["1 1 A", "6 2 B"],
    ),
    "dash on a line of its own": ("-\n  id: 1\n  title: A\n-\n  id: 2\n  title: B\n", ["1 1 A", "4 2 B"]),
    "ids stay text": (
        "- id: 007\n  title: A\n- id: 1e3\n  title: B\n- id: NO\n  title: C\n",
        ["1 007 A", "3 1e3 B", "5 NO C"],
    ),
    "flow mapping": ("- {id: 1, title: A}\n- {id: 2, title: B}\n", ["1 1 A", "2 2 B"]),
    "P22 bool id": ("- id: true\n  title: A\n- id: '1'\n  title: B\n", ["1 !bad_id", "3 1 B"]),
    "broken": ("- id: 1\n  title: A\n- id: [2\n  title: B\n- id: 3\n  title: C\n", ["1 1 A", "3 !bad_yaml", "5 3 C"]),
    "tab": ("- id: 1\n  title: A\n-\tid: 2\n\ttitle: B\n- id: 3\n  title: C\n", ["1 1 A", "3 !bad_yaml", "5 3 C"]),
    "alias": (
        "- id: 1\n  title: &t A\n- id: 2\n  title: *t\n- id: 3\n  title: C\n",
        ["1 !bad_yaml", "3 !bad_yaml", "5 3 C"],
    ),
    "tag": ("- !!python/object:os.system\n  id: 1\n- id: 2\n  title: !!str 5\n", ["1 !bad_yaml", "3 2 5"]),
    "key twice": ("- id: 1\n  id: 2\n  title: A\n- id: 3\n  title: C\n", ["1 !bad_yaml", "4 3 C"]),
    "deep": (f"- id: 1\n  x: {'[' * 500}{']' * 500}\n- id: 3\n  title: C\n", ["1 !bad_yaml", "3 3 C"]),
    "no mapping": ("- A\n- id: 3\n  title: C\n", ["1 !not_an_object", "2 3 C"]),
}

HEAD = (
    '<?xml version="1.0"?>\n<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">\n<channel><title>Shop</title>\n'
)
TAIL = "\n</channel></rss>"

XML = {
    "rss": (
        f"{HEAD}<item><g:id>1</g:id><g:title>A</g:title></item>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 1 A", "5 2 B"],
    ),
    "google wins": (f"{HEAD}<item><title>Seo A</title><g:title>A</g:title><g:id>1</g:id></item>{TAIL}", ["4 1 A"]),
    "atom": ('<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><title>A</title></entry></feed>', ["1 1 A"]),
    "list": (
        "<products>\n<product id='1'>\n<name>A</name></product><product id='2'><name>B</name></product></products>",
        ["2 1 A", "3 2 B"],
    ),
    "escaped and CDATA": (
        f"{HEAD}<item><g:id>1</g:id><title><![CDATA[A & <b>B</b>]]></title></item>{TAIL}",
        ["4 1 A & B"],
    ),
    "comment": (f"{HEAD}<!-- <item>x</item> --><item><g:id>1</g:id><title>A</title></item>{TAIL}", ["4 1 A"]),
    "latin-1": (
        '<?xml version="1.0" encoding="ISO-8859-1"?><rss><item><id>1</id><title>é</title></item></rss>'.encode(
            "latin-1"
        ),
        ["1 1 é"],
    ),
    "undeclared prefix": ("<rss><item><g:id>1</g:id><g:title>A</g:title></item></rss>", ["1 1 A"]),
    "bare &": (
        f"{HEAD}<item><title>A & B</title></item>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 !bad_xml", "5 2 B"],
    ),
    "unclosed element": (
        f"{HEAD}<item><title>A</item>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 !bad_xml", "5 2 B"],
    ),
    "unclosed item": (
        f"{HEAD}<item><title>A</title>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 !bad_xml", "5 2 B"],
    ),
    "empty item": (f"{HEAD}<item/><item><g:id>2</g:id><title>B</title></item>{TAIL}", ["4 !no_title", "4 2 B"]),
    "unknown entity": (
        f"{HEAD}<item><title>&boom;</title></item>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 !bad_xml", "5 2 B"],
    ),
    "entity in an item": (
        f"{HEAD}<item><!DOCTYPE x><title>A</title></item>\n<item><g:id>2</g:id><title>B</title></item>{TAIL}",
        ["4 !bad_xml", "5 2 B"],
    ),
}

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><rss><item><title>&b;</title></item></rss>'

NO_CATALOGUES = {
    "excel": (b"PK\x03\x04\x14\x00", "Excel"),
    "parquet": (b"PAR1\x15\x00", "Parquet"),
    "pdf": (b"%PDF-1.4", "PDF"),
    "bzip2": (b"BZh91AY", "bzip2"),
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML page"),
    "xml without products": (b"<?xml version='1.0'?><a><b/></a>", "the XML contains no products"),
    "xml cut off": (f"{HEAD}<item><title>A</title>".encode(), "4: the file ends in the middle of this item"),
    "entities": (BOMB.encode(), "<!DOCTYPE"),
    "comment only yaml": (b"---\n# nothing\n", "no product"),
    "cut off gzip": (gzip.compress(b"id,title\n" + b"1,A\n" * 9_999)[:-30], "damaged or incomplete"),
    "damaged gzip": (gzip.compress(b"id,title\n1,A\n")[:12] + b"xxxxxxxxxxxxxxxx", "damaged or incomplete"),
    "gzip bomb": (gzip.compress(b"id,title\n" + b" " * 100_000_000, 9), "-fold"),
    "empty gzip": (gzip.compress(b""), "empty"),
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_read(name):
    content, expected = YAML[name]
    assert said(content, "shop.yaml") == expected


@pytest.mark.parametrize("name", XML)
def test_a_feed_is_read(name):
    content, expected = XML[name]
    assert said(content) == expected


def test_a_feed_goes_on_behind_what_is_too_long():
    long = "x" * (9 * 1024 * 1024)
    item = "<item><g:id>2</g:id><title>B</title></item>"
    content = f"{HEAD}<item><title>{long}</title></item><other>{long}</other>{item}{TAIL}"
    assert said(content) == ["4 !too_long", "4 2 B"]


def test_yaml_is_known_by_its_content():
    for name in ("list", "documents", "under a key", "one product"):
        content, expected = YAML[name]
        assert said(content) == expected


def test_a_feed_has_all_that_google_wants():
    item = """<item><g:id>TV_1</g:id><g:title>TV</g:title><description>Short</description>
      <g:description>For &lt;b&gt;walls&lt;/b&gt;</g:description><link>https://shop.example</link>
      <g:image_link>https://shop.example/1.jpg</g:image_link>
      <g:additional_image_link>https://shop.example/2.jpg</g:additional_image_link>
      <g:additional_image_link>https://shop.example/3.jpg</g:additional_image_link>
      <g:price>1,159.00 USD</g:price><g:brand>Voltura</g:brand><g:gtin>0889464058125</g:gtin>
      <g:google_product_category>Electronics &gt; TVs</g:google_product_category>
      <g:product_highlight>Bright</g:product_highlight><g:product_highlight>Thin</g:product_highlight>
      <g:product_detail><g:section_name>Panel</g:section_name><g:attribute_name>Type</g:attribute_name>
        <g:attribute_value>OLED</g:attribute_value></g:product_detail>
      <g:shipping><g:country>US</g:country><g:price>14.95 USD</g:price></g:shipping></item>"""
    (product,) = read(HEAD + item + TAIL)
    assert (product.product_id, product.description, product.brand) == ("TV_1", "For walls", "Voltura")
    assert (product.price, product.currency, product.gtin) == (Decimal("1159.00"), "USD", "0889464058125")
    assert product.category_path == ("Electronics", "TVs")
    assert product.bullet_points == ("Bright", "Thin")
    assert product.attributes == {"Type": "OLED"}
    assert len(product.image_urls) == 3


def test_attributes_and_parameters_of_xml_are_read():
    content = """<shop><offer id="7" available="true"><name>Pan</name><price currency="EUR">9,50</price>
      <param name="Diameter" unit="cm">28</param><param name="Coating">Ceramic</param></offer></shop>"""
    (product,) = read(content)
    assert (product.product_id, product.price, product.currency) == ("7", Decimal("9.50"), "EUR")
    assert product.attributes["Diameter"] == "28 cm"
    assert product.attributes["Coating"] == "Ceramic"


@pytest.mark.parametrize("name", NO_CATALOGUES)
def test_what_is_no_catalogue_is_refused_with_what_it_is(name):
    content, expected = NO_CATALOGUES[name]
    last = said(content)[-1]
    assert last.startswith("error")
    assert expected in last


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "data"])
def test_gzip_is_known_by_its_content(ending):
    assert said(gzip.compress(b"id;title\n1;A\n") + gzip.compress(b"2;B\n"), f"shop.{ending}") == ["2 1 A", "3 2 B"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("content", ["id,title\n1,Ä\n", '{"id": 1, "title": "Ä"}', "- id: 1\n  title: Ä\n"])
def test_encodings_are_known_by_their_marks(encoding, content):
    assert [line.split(maxsplit=1)[1] for line in said(content.encode(encoding))] == ["1 Ä"]


def test_the_format_can_be_given():
    assert said("id,title\n- x,A\n", format="csv") == ["2 - x A"]
    assert said('{"id": 1, "title": "A"}', format="jsonl") == ["1 1 A"]
    assert said("id\ttitle\n1\tA\n", format="tsv") == ["2 1 A"]
