"""Maps the names that shops use for columns and keys to fields of a product.

Names are compared without case, spaces and punctuation, so that `Product Name`, `product_name` and `productName` are
one. Of several names for one field the earlier in the list wins. From Google Merchant, Shopify (old and new headers,
API), schema.org, Amazon, WooCommerce, Icecat, Kibo, and what scraped catalogues use.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

ALIASES: dict[str, str] = {
    "product_id": "product_id id uniq_id unique_id object_id product_code item_id handle url_handle asin article_id "
    "article_number item_number external_id offer_id listing_id product_group_id identifier guid pid code",
    "title": "title product_name product_title item_name name product_display_name display_name structured_title "
    "headline post_title item_title listing_title product item",
    "description": "description product_description long_description full_description product_full_description "
    "body_html body description_html structured_description content summary overview item_description "
    "about_this_item short_description product_short_description meta_description seo_description",
    "brand": "brand brand_name product_brand brands vendor supplier supplier_name maker",
    "manufacturer": "manufacturer manufacturer_name producer",
    "category_path": "category_path product_category google_product_category "
    "google_shopping_google_product_category category categories product_categories breadcrumb breadcrumbs "
    "category_tree product_category_tree category_name main_category department taxonomy collection "
    "google_shopping_product_category",
    "subcategory": "subcategory sub_category subcategories sub_category_name",
    "product_type": "product_type type item_type feed_product_type product_kind",
    "gtin": "gtin gtin14 gtin13 gtin12 gtin8 ean ean13 ean_code upc upca upc_code barcode variant_barcode isbn isbn13 "
    "isbn10 external_product_id global_trade_item_number",
    "mpn": "mpn model_no model_number item_model_number part_number part_no manufacturer_part_number mfr_part_number "
    "mfg_part_number mfr_part_no mfg_part_no oem_part_number google_shopping_mpn "
    "google_shopping_manufacturer_part_number_mpn",
    "sku": "sku item_sku variant_sku merchant_sku seller_sku stock_keeping_unit",
    "bullet_points": "bullet_points bullets bullet_point product_highlight product_highlights highlights key_features "
    "features product_features feature_bullets product_bulletpoints about_product selling_points positive_notes",
    "variant_options": "variant_options options variations variation_options",
    "variants": "variants has_variant product_variants",
    "varies_by": "varies_by",
    "tags": "tags keywords generic_keywords search_terms labels",
    "audience": "audience target_audience target_group target_market",
    "competitors": "competitors competing_products competitor_brands competitor_products rivals",
    "price": "price final_price variant_price current_price standard_price regular_price sale_price discounted_price "
    "selling_price list_price initial_price actual_price retail_price msrp unit_price offer_price low_price",
    "offers": "offers offer",
    "currency": "currency currency_code iso_currency_code price_currency",
    "availability": "availability in_stock stock_status",
    "condition": "condition item_condition condition_type google_shopping_condition",
    "rating": "rating average_rating rating_value product_rating overall_rating review_rating ratings stars "
    "aggregate_rating",
    "review_count": "review_count reviews_count num_reviews number_of_reviews rating_count ratings_count no_of_ratings "
    "customer_review_count product_reviews reviews",
    "url": "url link product_url product_link canonical_url page_url product_page_url permalink",
    "image_urls": "image_urls image images image_link image_url main_image_url primary_image image_src "
    "product_image_url product_images additional_image_link additional_images additional_image_urls img_link",
    "locale": "locale locale_code content_language in_language language lang",
    "attributes": "attributes attrs specs specifications specification technical_details technical_specifications "
    "tech_specs product_details product_detail details properties product_specifications additional_property "
    "additional_properties product_attributes custom_attributes metafields characteristics params param facets "
    "custom_fields product_variation",
}

_NUMBERED = {
    re.compile(r"bullet(?:point)?s?(\d{1,2})|(?:key)?feature(\d{1,2})|producthighlight(\d{1,2})"): "bullet_points",
    re.compile(r"(?:googleshopping)?customlabel(\d)"): "tags",
    re.compile(r"(?:product)?category(?:level)?(\d)"): "category_levels",
    re.compile(r"(?:other|additional)?imageurl(\d{1,2})|image(\d{1,2})"): "image_urls",
    re.compile(r"(?:attribute|spec|property)(\d{1,3})name"): "attribute_names",
    re.compile(r"(?:attribute|spec|property)(\d{1,3})values?"): "attribute_values",
}

WRAPPERS = (
    "content",
    "product",
    "item",
    "node",
    "_source",
    "product_data",
    "supplier_info",
    "data",
    "fields",
    "attributes",
)
"""Keys of objects that hold the product, in records without a title of their own."""

_AFTER_ALL_NAMES = 100  # a rank behind all aliases of a field
_PREFIX = re.compile(r"^(?:g|c|s|sc|schema|product|og|dc):(?=\w)", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[\W_]+")


class Role(NamedTuple):
    """What a key is for: a field, and its place among the keys for it."""

    field: str
    rank: int


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def fold(name: str) -> str:
    """The form in which names are compared: `g:Product_Name ` → `productname`. `@type` keeps its `@`."""
    name = unprefixed(name.strip())
    return ("@" if name[:1] == "@" else "") + _PUNCTUATION.sub("", name).casefold()


def unprefixed(name: str) -> str:
    return _PREFIX.sub("", name)


_ROLES = {
    fold(alias): Role(field, rank) for field, aliases in ALIASES.items() for rank, alias in enumerate(aliases.split())
} | {
    "@id": Role("product_id", _AFTER_ALL_NAMES),
    "@type": Role("kind", 0),
    "@language": Role("locale", _AFTER_ALL_NAMES),
}


@lru_cache(maxsize=16_384)
def role_of(name: str) -> Role | None:
    """The field that a key is for, and its rank; None if the name is not known."""
    folded = fold(name)
    role = _ROLES.get(folded)
    if role is not None:
        return role
    for pattern, field in _NUMBERED.items():
        match = pattern.fullmatch(folded)
        if match:
            return Role(field, _AFTER_ALL_NAMES + int(match[match.lastindex or 0]))
    return None
