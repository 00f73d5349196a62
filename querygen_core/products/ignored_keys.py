"""Keys that say nothing about the product itself: pictures, links, dates, stock, prices, sellers, internal ids.

A key that is ignored wrongly costs questions about it; one that is kept wrongly puts noise into every prompt.
"""

from __future__ import annotations

import re
from functools import lru_cache

from querygen_core.products.aliases import fold, unprefixed, words

_FIRST_WORDS = words(
    "audit cost created crawl date deleted delivery discount fulfillment fulfilment image images img inventory meta "
    "modified pic price prices pricing promo promoted promotion promotions publish published publishing return "
    "returns review sale seller seo shipping shop stock store tax thumb thumbnail updated vendor warehouse"
)
_LAST_WORDS = words(
    "at catalogs checksum currency date datetime global hash href id ids image images img inventory link links msrp "
    "photo picture price prices qty rank ranking sequence sku slug sold src stock thumb thumbnail timestamp uri url "
    "urls uuid video videos views visibility visible votes"
)
_ANY_WORDS = words("guid metafield seller seo taxable")

_WHOLE_NAMES = words(
    # anywhere
    "@context @graph @id @type active archived country deleted domain enabled featured hidden image parent "
    "popularity position promoted published quantity rank rating returns source status stock tax thumbnail "
    "timestamp visible availability "
    # Google Merchant
    "adsgrouping adslabels adsredirect adult availabilitydate excludeddestination expirationdate "
    "identifierexists includeddestination installment isbundle itemgroupid loyaltypoints mobilelink "
    # Shopify, WooCommerce
    "allowcustomerreviews backordersallowed chargetax collectionid continuesellingwhenoutofstock costperitem "
    "crosssells customproduct fulfillmentservice giftcard groupedproducts isadult isenabled isfeatured isvisible "
    "publishedscope purchasenote requiresshipping soldindividually taxclass taxcode taxstatus templatesuffix "
    "upsells variantfulfillmentservice variantgrams variantinventorypolicy variantinventoryqty "
    "variantinventorytracker variantrequiresshipping varianttaxable varianttaxcode variantweightunit "
    "weightunitfordisplay unitpricetotalmeasure unitpricetotalmeasureunit unitpricebasemeasure "
    "unitpricebasemeasureunit adgroupname adwordsgrouping adwordslabels "
    # schema.org, Amazon
    "isrelatedto issimilarto parentage parentchild parentsku relationshiptype updatedelete variationtheme "
    "recommendedbrowsenodes externalproductidtype "
    # Kibo, scraped catalogues
    "bundledproducts hasconfigurableoptions hasstandaloneoptions isactive ispackagedstandalone isrecurring "
    "istaxable isvalidforproducttype isvariation productincatalogs productusage standalonepackagetype aliases "
    "bestsellingrank isfkadvantageproduct sku extractiondate gmv lazmall numbersold scrapedat"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=16_384)
def is_irrelevant(name: str) -> bool:
    """Whether a key of the record itself is ignored.

    Do not ask it about named specifications, which may well have an `image_stabilizer`; for those there is
    `is_commercial`.
    """
    words = [word.lower() for word in _WORDS.findall(unprefixed(name))]
    by_word = bool(words) and (words[0] in _FIRST_WORDS or words[-1] in _LAST_WORDS or not _ANY_WORDS.isdisjoint(words))
    return by_word or is_commercial(name)


@lru_cache(maxsize=16_384)
def is_commercial(name: str) -> bool:
    """Whether a name is about selling the product or about the record, wherever it is used."""
    folded = fold(name)
    return not folded or folded in _WHOLE_NAMES
