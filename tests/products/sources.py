"""Fictional records as data providers and scrapers write them, with what must become of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

ICECAT: dict[str, Any] = {
    "id": "2067",
    "name": "PX-9",
    "title": "Inkwell Photo Cartridge",
    "ean": ["0012502615620"],
    "short_description": "Cyan cartridge",
    "img_high": "https://shop.example/h.jpg",
    "date_released": "2009-04-08T00:00:00Z",
    "supplier": "Inkwell",
    "price": 1795,
    "attr_t_printing_colours": "Cyan",
    "attr_n_weight": 42.0,
    "attr_b_colour": True,
    "attr_b_recycled": False,
    "attr_b_image_stabilizer": True,
    "attr_b_height_adjustment": True,
    "attr_n_height_adjustment": 130.5,
}
ICECAT_EXPECTED = {
    "product_id": "2067",
    "title": "Inkwell Photo Cartridge",
    "description": "Cyan cartridge",
    "brand": "Inkwell",
    "gtin": "0012502615620",
    "price": Decimal("17.95"),
    "attributes": {
        "name": "PX-9",
        "printing colours": "Cyan",
        "weight": "42",
        "colour": "yes",
        "recycled": "no",
        "image stabilizer": "yes",
        "height adjustment": "130.5",
    },
}

KIBO: dict[str, Any] = {
    "productCode": "BTL-1",
    "productUsage": "Configurable",
    "productTypeId": 11,
    "productInCatalogs": [{"catalogId": 1, "isActive": True, "price": {"price": 15}}],
    "content": {
        "localeCode": "en-US",
        "productName": "Loop Bottle",
        "productFullDescription": "Leakproof.&nbsp;",
        "productShortDescription": "Bottle",
        "productImages": [{"id": 1, "imageUrl": "//shop.example/b.jpg"}],
    },
    "price": {"isoCurrencyCode": "USD", "price": 15, "salePrice": 12},
    "seoContent": {"metaTagTitle": "Bottle"},
    "options": [{"attributeFQN": "Tenant~size", "values": [{"value": "S"}, {"value": "L"}]}],
    "properties": [
        {"attributeFQN": "tenant~rating", "values": [{"value": 3}]},
        {
            "attributeFQN": "Tenant~color",
            "values": [{"value": "Blue", "attributeVocabularyValueDetail": {"valueSequence": 1}}, {"value": "Pink"}],
        },
    ],
    "isTaxable": True,
    "inventoryInfo": {"manageStock": False},
    "packageHeight": {"unit": "in", "value": 4},
}
KIBO_EXPECTED = {
    "product_id": "BTL-1",
    "title": "Loop Bottle",
    "locale": "en-US",
    "description": "Leakproof.",
    "price": Decimal("15.00"),
    "currency": "USD",
    "attributes": {"package height": "4 in", "color": "Blue, Pink"},
    "variant_options": {"size": ("S", "L")},
    "image_urls": ("//shop.example/b.jpg",),
}

MARKETPLACE_CSV: dict[str, Any] = {
    "url": "https://market.example/1",
    "title": "Glow Serum 30ml",
    "rating": "4.8",
    "reviews": "12",
    "initial_price": "99000.00",
    "final_price": "79000.00",
    "currency": "IDR",
    "image": '["https://market.example/1.jpg"]',
    "seller_name": "A person's name",
    "breadcrumb": '["Beauty","Skincare","Glow Serum 30ml"]',
    "product_specifications": '[{"name":"Volume","value":"30ml"},{"name":"SKU","value":"123_ID"}]',
    "product_description": "- soft",
    "seller_ship_on_time": "98%",
    "sku": "123_ID",
    "variations": '[{"name":"Size","variations":["30ml","50ml"]}]',
    "returns_and_warranty": '["100% Authentic"]',
    "brand": "No Brand",
    "lazmall": "false",
    "number_sold": "4",
}
MARKETPLACE_EXPECTED = {
    "product_id": "123_ID",
    "title": "Glow Serum 30ml",
    "description": "- soft",
    "category_path": ("Beauty", "Skincare"),
    "sku": "123_ID",
    "attributes": {"Volume": "30ml"},
    "variant_options": {"Size": ("30ml", "50ml")},
    "price": Decimal("79000.00"),
    "currency": "IDR",
    "rating": 4.8,
    "review_count": 12,
    "url": "https://market.example/1",
    "image_urls": ("https://market.example/1.jpg",),
}

SCRAPED_CSV: dict[str, Any] = {
    "uniq_id": "c2d7",
    "product_name": "Dash Shorts",
    "product_category_tree": '["Clothing >> Women >> Shorts"]',
    "discounted_price": "379",
    "product_rating": "No rating available",
    "product_specifications": '{"product_specification"=>[{"key"=>"Fabric", "value"=>"Cotton"}, {"value"=>"loose"}]}',
    "crawl_timestamp": "2016-03-25",
}
SCRAPED_EXPECTED = {
    "product_id": "c2d7",
    "title": "Dash Shorts",
    "category_path": ("Clothing", "Women", "Shorts"),
    "attributes": {"Fabric": "Cotton"},
    "price": Decimal("379.00"),
}

PLAIN: dict[str, Any] = {
    "Name": "Acme Kettle",
    "Short Description": "Boils.",
    "categories": ["Kitchen", "Kettles"],
    "sub_category": "Steel",
    "features": ["Quiet", "Fast"],
    "language": "English",
    "product_data": {"ignored": "no title needed here"},
    "capacityInLitres": 1.7,
    "current_stock": 3,
}
PLAIN_EXPECTED = {
    "title": "Acme Kettle",
    "description": "Boils.",
    "category_path": ("Kitchen", "Kettles", "Steel"),
    "bullet_points": ("Quiet", "Fast"),
    "attributes": {
        "capacity in litres": "1.7",
        "product data ignored": "no title needed here",
        "language": "English",
    },
}
