"""read_product beyond the shops: the user's own mapping, languages, rejects, hashes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.api import ConfigError, Product, Reject, read_product
from tests.products.shops import SHOPS

KETTLE = {"id": "K1", "title": "Acme Kettle", "description": "Boils in two minutes.", "price": "20 EUR"}


def test_where_it_came_from_is_kept():
    product = read_product(KETTLE, source="north", locale="de_de", file="a.csv", line=7)
    assert product.raw_ref == "a.csv:7"
    assert product.key == "north:K1:de-DE"


def test_a_mapping_wins_over_known_names():
    record = {"title": "internal", "label": "Acme Kettle", "code": "C9", "id": "K1", "text": "Boils."}
    product = read_product(record, fields={"title": "label", "product_id": "code", "description": "text"})
    assert (product.title, product.product_id, product.description) == ("Acme Kettle", "C9", "Boils.")
    assert "label" not in product.attributes


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", "whole"),
        ("inner.name", "Acme Kettle"),
        ("Inner.Name", "Acme Kettle"),
        ("offers.1.label", "second"),
        ("specs.color", "red"),
        ("json.deep.0", "in a cell"),
    ],
)
def test_a_mapping_may_be_a_path(path, expected):
    record = {
        "a.b": "whole",
        "inner": {"name": "Acme Kettle"},
        "offers": [{"label": "first"}, {"label": "second"}],
        "specs": [{"name": "size", "value": "L"}, {"name": "Color", "value": "red"}],
        "json": '{"deep": ["in a cell"]}',
    }
    assert read_product(record, fields={"title": path}).title == expected


def test_a_mapped_field_is_read_from_there_only():
    result = read_product({"title": "internal"}, fields={"title": "label"})
    assert isinstance(result, Reject)
    assert result.reason == "no_title"


def test_all_fields_can_be_mapped():
    record = {
        "t": "Acme Kettle",
        "s": "north",
        "l": "fr_FR",
        "specs": {"Power": "2 kW"},
        "o": {"Size": ["S"]},
        "x": "y",
    }
    fields = {"title": "t", "source": "s", "locale": "l", "attributes": "specs", "variant_options": "o"}
    product = read_product(record, fields=fields)
    assert (product.source, product.locale) == ("north", "fr-FR")
    assert product.attributes == {"Power": "2 kW"}
    assert product.variant_options == {"Size": ("S",)}


def test_a_mapping_to_an_unknown_field_is_the_configs_fault():
    with pytest.raises(ConfigError, match="no field 'titel'"):
        read_product(KETTLE, fields={"titel": "name"})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "no_title"),
        ({"id": "K1"}, "no_title"),
        ({"title": ""}, "no_title"),
        ({"title": "  \u200b "}, "no_title"),
        ({"title": None}, "no_title"),
        ({"title": "N/A", "name": "null"}, "no_title"),
        ({"title": {"what": 1}}, "bad_title"),
        ({"title": [{}]}, "bad_title"),
        ({"title": False}, "bad_title"),
        ({"title": "x" * 1_000_000}, "title_too_long"),
        ({"@type": "WebSite", "name": "Acme Shop"}, "not_a_product"),
    ],
)
def test_what_is_no_product_is_rejected_with_its_reason(record, reason):
    result = read_product(record, file="k.json", line=3)
    assert isinstance(result, Reject)
    assert (result.reason, result.file, result.line) == (reason, "k.json", 3)
    assert len(result.raw) <= 2_000
    assert len(result.message) < 300


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"title": 501}, "501"),
        ({"title": {"en": "Kettle", "de": "Kessel"}}, "Kettle"),
        ({"title": {"en": "Kettle", "de": "Kessel"}, "lang": "de"}, "Kessel"),
        ({"title": {"@value": "Kettle"}}, "Kettle"),
        ({"title": ["", "Kettle"]}, "Kettle"),
        ({"title": "", "name": "Kettle"}, "Kettle"),
        ({"structured_title": 'trained_algorithmic_media:"Kettle"'}, "Kettle"),
        ({"structured_title": {"digital_source_type": "x", "content": "Kettle"}}, "Kettle"),
        ({"item": {"name": "Kettle"}}, "Kettle"),
        ({"node": {"product": {"title": "Kettle"}}}, "Kettle"),
        ({"product_id": 4, "product_data": '{"name": "Kettle"}'}, "Kettle"),
        ({"TITLE ": "Kettle"}, "Kettle"),
    ],
)
def test_a_title_is_found(record, expected):
    product = read_product(record)
    assert isinstance(product, Product)
    assert product.title == expected


def test_the_language_is_the_records_own():
    assert read_product({**KETTLE, "content_language": "pt_br"}).locale == "pt-BR"
    assert read_product(KETTLE, locale="fr").locale == "fr"


def test_a_brand_may_be_missing_in_words():
    assert read_product({**KETTLE, "brand": "No Brand", "manufacturer": "Acme"}).brand == "Acme"
    assert read_product({**KETTLE, "brand": "unbranded"}).brand == ""
    assert read_product({**KETTLE, "brand": {"id": 3, "name": "Acme"}}).brand == "Acme"


def test_volatile_changes_keep_the_hash_and_others_do_not():
    product = read_product({**KETTLE, "image": "a.jpg", "tags": "x", "stock": 3, "updated_at": "today"})
    assert product.content_hash() == read_product(KETTLE).content_hash()
    assert read_product({**KETTLE, "price": "9 EUR"}).content_hash() == product.content_hash()
    assert read_product({**KETTLE, "description": "Boils."}).content_hash() != product.content_hash()


def test_composed_and_decomposed_letters_are_one_product():
    record = {"title": "Théière Café", "brand": "Ålesund", "matière": "grès"}
    decomposed = {
        unicodedata.normalize("NFD", name): unicodedata.normalize("NFD", text) for name, text in record.items()
    }
    one, other = read_product(record), read_product(decomposed)
    assert one == other
    assert one.content_hash() == other.content_hash()


def test_numbers_are_written_as_meant_and_texts_as_given():
    product = read_product({**KETTLE, "height": 32.0, "width": 32.5, "depth": "32.0", "boxed": True})
    assert product.attributes == {"height": "32", "width": "32.5", "depth": "32.0", "boxed": "yes"}


def test_a_name_given_twice_keeps_both_values_in_any_order():
    one = read_product({**KETTLE, "attr_t_port": "USB", "attr_b_port": True, "attr_n_port": 2})
    other = read_product({**KETTLE, "attr_n_port": 2, "attr_b_port": True, "attr_t_port": "USB"})
    assert one.attributes == other.attributes == {"port": "2, USB"}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["<p>", "[1", '{"a": [1]}', "5 €"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(sorted({name for record, _ in SHOPS.values() for name in record}))


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAMES | st.text(), VALUES))
def test_any_record_becomes_a_product_or_a_reject(record):
    result = read_product(record, file="any.json", line=1)
    assert isinstance(result, Product | Reject)
    if isinstance(result, Product):
        assert result.title
        assert result.product_id
        assert len(result.content_hash()) == 64
        assert result.content_hash() == read_product(dict(reversed(record.items()))).content_hash()


def test_a_record_nested_without_end_is_survived():
    deep: object = "end"
    for _ in range(5_000):
        deep = {"name": [deep]}
    assert isinstance(read_product({"title": "Acme Kettle", "specs": deep, "brand": deep, "price": deep}), Product)
    assert isinstance(read_product({"title": deep}), Reject)
