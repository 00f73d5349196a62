"""CSV and TSV, and Shopify's exports, in which several rows are one product."""

from __future__ import annotations

from decimal import Decimal

import pytest

from files_catalogues import read, said

TABLES = {
    "plain": ("id,title\n1,A\n2,B\n", ["2 1 A", "3 2 B"]),
    "no newline at the end": ("id,title\n1,A", ["2 1 A"]),
    "V3 BOM": ("\ufeffid,title\n1,A\n", ["2 1 A"]),
    "V4 semicolon": ("id;title;price\n1;A, large;2,50\n", ["2 1 A, large"]),
    "tab": ("id\ttitle\n1\tA\n", ["2 1 A"]),
    "pipe": ("id|title\n1|A\n", ["2 1 A"]),
    "declared separator": ("sep=;\nid;title\n1;A\n", ["3 1 A"]),
    "V5 cp1252": ("id,title\n1,Café – €5\n".encode("cp1252"), ["2 1 Café – €5"]),
    "V12 carriage returns only": ("id,title\r1,A\r2,B\r", ["2 1 A", "3 2 B"]),
    "CRLF": ("id,title\r\n1,A\r\n2,B\r\n", ["2 1 A", "3 2 B"]),
    "V13 quoted newline": ('id,title\n1,"A\nlong"\n2,B\n', ["2 1 A long", "4 2 B"]),
    "doubled quotes": ('id,title\n1,"27"" TV"\n', ['2 1 27" TV']),
    "inch mark in a bare cell": ('id,title\n1,TV 27" black\n2,B\n', ['2 1 TV 27" black', "3 2 B"]),
    "V11 long cell": (f"id,title,description\n1,A,{'x' * 200_000}\n2,B,y\n", ["2 1 A", "3 2 B"]),
    "V14 leading zeros": ("id,title\n007,A\n12.0,B\n", ["2 007 A", "3 12.0 B"]),
    "V14 rounded id": ("id,title\n1.0E+05,A\n2,B\n", ["2 !bad_id", "3 2 B"]),
    "apostrophes of a spreadsheet": ("id,title\n'007,A\n", ["2 007 A"]),
    "empty rows": ("\n\nid,title\n\n1,A\n,\n2,B\n\n", ["5 1 A", "7 2 B"]),
    "columns without a name": (",id,title,\n0,1,A,\n1,2,B,\n", ["2 1 A", "3 2 B"]),
    "empty cells too many": ("id,title\n1,A,,\n", ["2 1 A"]),
    "one column": ("title\nA\nB\n", ["2 auto A", "3 auto B"]),
    "V7 short": ("id,title,brand\n1,A,x\n2,B\n3,C,z\n", ["2 1 A", "3 !ragged_row", "4 3 C"]),
    "V8 long": ("id,title\n1,A\n2,B,C\n3,C\n", ["2 1 A", "3 !ragged_row", "4 3 C"]),
    "V10 NUL": ("id,title\n1,A\n2,B\0B\n3,C\n", ["2 1 A", "3 !nul", "4 3 C"]),
    "V6 open quote at the end": ('id,title\n1,A\n2,"B\n3,C\n', ["2 1 A", "3 !open_quote", "4 3 C"]),
    "open quote and quoted cells behind it": (
        'id,title\n1,"A"\n2,"B\n3,"C"\n4,"D"\n',
        ["2 1 A", "3 !bad_csv", "4 3 C", "5 4 D"],
    ),
    "text behind a quote": ('id,title\n1,"A" x\n2,B\n', ["2 !bad_csv", "3 2 B"]),
    "quotes in TSV are only quotes": (
        'id\ttitle\n1\t"Best" kettle\n2\t"C\n3\tD\n',
        ['2 1 "Best" kettle', '3 2 "C', "4 3 D"],
    ),
    "one cell too few beside many lines": ('id,title,text\n1,"A\nB\nC"\n2,B,x\n', ["2 !ragged_row", "5 2 B"]),
    "no title in a row": ("id,title\n1,\n2,B\n", ["2 !no_title", "3 2 B"]),
    "repeated columns of a feed": ("id,title,product_highlight,product_highlight\n1,A,x,y\n", ["2 1 A"]),
}

REFUSED = {
    "V1 header only": ("id,title\n", "no rows below"),
    "V2 no header": ("1,Acme Kettle,19.99\n2,Acme Pan,9.99\n", "make the first row the header"),
    "V9 column twice": ("id,title,title\n1,A,B\n", "'title' more than once"),
    "no title column": ("id,price\n1,2\n", "title"),
    "broken header": ('id,"title\n1,A\n', "header is not valid CSV"),
    "every row broken": ("id,title\n1\n2\n", "none of 2 records can be read"),
}

OLD = """Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,\
Option2 Value,Variant SKU,Variant Grams,Variant Price,Variant Requires Shipping,Variant Barcode,\
Image Src,Image Position,Gift Card,SEO Title,Google Shopping / Gender,Google Shopping / MPN,Variant Image,\
Status,Included / Nordland
tee,Trail Tee,"<p>Soft.</p>
<ul><li>Dries fast</li></ul>",Fellwalk,Apparel & Accessories > Clothing,Shirts,"hiking, summer",true,Size,S,Color,Red,\
'0071,150,25.00,true,'4006381333931,https://shop.example/1.jpg,1,false,Tee,unisex,T-1,https://shop.example/v.jpg,active,true
tee,,,,,,,,,M,,Red,'0072,150,27.00,true,,https://shop.example/2.jpg,2,,,,,,,
tee,,,,,,,,,M,,Blue,'0073,150,27.00,true,,,,,,,,,,
tee,,,,,,,,,,,,,,,,,https://shop.example/3.jpg,3,,,,,,,
card,Gift Card,Give.,Fellwalk,,Cards,,true,Title,Default Title,,,,0,10.00,false,,,,true,,,,,active,true
"""

NEW = """Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,\
Option1 name,Option1 value,Option1 Linked To,Price,Compare-at price,Charge tax,Inventory quantity,\
Weight value (grams),Requires shipping,Product image URL,Image alt text,\
Color (product.metafields.shopify.color-pattern),Google Shopping / Google product category
Trail Tee,tee,<b>Soft.</b>,Fellwalk,Clothing > Shirts,Shirts,hiking,TRUE,Active,T-S,4006381333931,Size,S,,25,30,\
TRUE,4,150,TRUE,https://shop.example/1.jpg,Front,red; blue,212
,tee,,,,,,,,T-M,,,M,,27,,,,,,https://shop.example/2.jpg,,,
Cap,cap,Shade.,Fellwalk,Clothing > Hats,Hats,,TRUE,Active,C-1,,,,,12,,TRUE,2,80,TRUE,,,,
"""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read(name):
    content, expected = TABLES[name]
    assert said(content) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_without_products_is_refused(name):
    content, expected = REFUSED[name]
    last = said(content)[-1]
    assert last.startswith("error:")
    assert expected in last


def test_an_open_quote_does_not_swallow_the_rest():
    rows = [f'{number},"Kettle {number}"' if number % 2 else f"{number},Kettle {number}" for number in range(3_000)]
    rows[1_500] = '1500,"never closed'
    results = said("id,title\n" + "\n".join(rows))
    assert len(results) == 3_000
    assert [line for line in results if "!" in line] == ["1502 !bad_csv"]


def test_an_open_quote_is_looked_for_only_so_far():
    rows = [f"{number},Kettle {number}" for number in range(5_000)]
    rows[10] = '10,"never closed'
    results = said("id,title\n" + "\n".join(rows))
    assert [line for line in results if "!" in line] == ["12 !open_quote"]
    assert len(results) == 5_000


def test_five_broken_rows_are_five_rejects_with_their_lines():
    rows = [f'{number},"Kettle {number}",Acme' for number in range(20)]
    rows[3], rows[6], rows[9] = "3,short", "6,too,long,by two,cells", '6,"open,Acme'
    rows[12], rows[15] = '12,"bad" quote,Acme', "15,nul\0,Acme"
    results = read("id,title,brand\n" + "\n".join(rows))
    rejects = [result for result in results if hasattr(result, "reason")]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (5, "ragged_row"),
        (8, "ragged_row"),
        (11, "bad_csv"),
        (14, "bad_csv"),
        (17, "nul"),
    ]
    assert [reject.raw.rstrip() for reject in rejects] == [rows[number] for number in (3, 6, 9, 12, 15)]
    assert len(results) == 20


def test_the_separator_and_the_encoding_can_be_given():
    assert said("id|title\n1|A,B\n", separator="|") == ["2 1 A,B"]
    assert said("id,title\n1,Чайник\n".encode("cp1251"), encoding="cp1251") == ["2 1 Чайник"]
    assert said(b"id,title\n1,A\n2,B\n" + b"3,\xff\n", encoding="utf-8")[-1].startswith("error:")


def test_one_bad_byte_is_warned_of_once(caplog):
    content = "id,title\n1,Café\n".encode() + b"2,Caf\xe9 \x93x\x94\n3,\xe9\n"
    assert said(content) == ["2 1 Café", "3 2 Café “x”", "4 3 é"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "shop.dat:3: not valid UTF-8" in warnings[0]


def test_a_mapped_column_is_the_title():
    assert said("id,label\n1,A\n", fields={"title": "label"}) == ["2 1 A"]
    assert said('id,data\n1,"{""names"": [""A""]}"\n', fields={"title": "data.names"}) == ["2 1 A"]
    assert "title" in said("id,title\n1,A\n", fields={"title": "nowhere"})[0]


def test_cells_may_hold_json():
    content = 'id,title,specs,breadcrumb\n1,A,"{""Power"": ""2 kW""}","[""Home"", ""Kettles""]"\n'
    (product,) = read(content)
    assert product.attributes == {"Power": "2 kW"}
    assert product.category_path == ("Home", "Kettles")


def test_repeated_columns_become_a_list():
    (product,) = read("id,title,product_highlight,product_highlight\n1,A,Quiet,Fast\n")
    assert product.bullet_points == ("Quiet", "Fast")


def test_an_old_shopify_export_has_one_product_for_each_handle():
    tee, card = read(OLD)
    assert (tee.product_id, tee.title, tee.brand, tee.raw_ref) == ("tee", "Trail Tee", "Fellwalk", "shop.dat:2")
    assert tee.description == "Soft.\nDries fast"
    assert tee.variant_options == {"Size": ("S", "M"), "Color": ("Red", "Blue")}
    assert (tee.sku, tee.gtin, tee.mpn) == ("0071", "4006381333931", "T-1")
    assert (tee.price, tee.tags) == (Decimal("25.00"), ("hiking", "summer"))
    assert tee.category_path == ("Apparel & Accessories", "Clothing")
    assert tee.image_urls == tuple(f"https://shop.example/{number}.jpg" for number in (1, 2, 3))
    assert tee.attributes == {"Gender": "unisex"}
    assert (card.product_id, card.variant_options, card.raw_ref) == ("card", {}, "shop.dat:7")


def test_a_new_shopify_export_has_one_product_for_each_handle():
    tee, cap = read(NEW)
    assert (tee.product_id, tee.title, tee.description, tee.sku) == ("tee", "Trail Tee", "Soft.", "T-S")
    assert tee.variant_options == {"Size": ("S", "M")}
    assert tee.category_path == ("Clothing", "Shirts")
    assert tee.attributes == {"Weight value (grams)": "150", "Color": "red; blue"}
    assert len(tee.image_urls) == 2
    assert (cap.product_id, cap.price, cap.variant_options) == ("cap", Decimal("12.00"), {})


def test_a_broken_row_of_a_shopify_export_costs_only_itself():
    lines = OLD.splitlines()
    lines.insert(4, "tee,too short")
    assert said("\n".join(lines)) == ["5 !ragged_row", "2 tee Trail Tee", "8 card Gift Card"]


def test_a_handle_alone_does_not_make_a_shopify_export():
    assert said("handle,title\na,A\na,B\n") == ["2 a A", "3 a B"]
