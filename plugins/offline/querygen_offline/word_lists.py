"""Words that need care when a field of a product becomes part of a sentence. Data, no code."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPELLED = {
    word.casefold(): word
    for word in _words("Bluetooth Wi-Fi USB LED LCD HDMI LAN RAM CPU GPS NFC DVD VGA RoHS ABS PVC UV TV")
}
"""Folded word → its spelling inside an English sentence, where other words are in lower case."""

NO_TOPICS = _words(
    """age alter article artikel asin assembly availability box brand change code compatible compliance cost country
    crosssell date department ean family gender geschlecht gtin has id image included includes is isbn item keyword
    keywords lager link marke marker mpn misc model name no note notes nr number obsolete other package pack pallet
    person personen persons photo pieces player players popularity preis price product_id quantity rating related
    required seller series sku spieler status stock style suitable support supports tags tax teile title typ type upc
    upsell url vendor warning warnung works"""
)
"""An attribute whose name has one of these words is not a topic that a shopper would ask about."""

PREPOSITIONS = _words("ab at aus bei between bis by for für from in je mit nach of on per pro to von with")
"""Words that a topic does not end with."""

DANGLING = _words("& + - – × a an and by das der die for für in mit o of oder or the to und von with x zum")
"""Words that a shortened name does not end with."""

NO_KINDS = _words(
    """all beauty boys cat cats children christmas damen decorative default dog dogs easter electric floral formal
    garden garten general girls halloween haus herren home hund hunde indoor katze katzen kids kinder kitchen küche
    men misc new other outdoor outdoors over-ear pet pets portable product products sale seasonal sonstige sonstiges
    standard usb valentine wireless women"""
)
"""Last words of categories that do not say what kind of thing a product is."""

MASS = re.compile(
    r"\w*(?:wear|ware|care|paper|food)|(?:bath|bedd|camp|cloth|fish|groom|kayak|light)ing|apparel|bakery|beer|bread|butter|"
    r"cheese|chocolate|coffee|cream|dairy|decor|equipment|flour|furniture|gear|glue|granola|honey|ink|jewell?ery|juice|"
    r"luggage|makeup|meat|memory|milk|muesli|oil|paint|pasta|percussion|rice|salt|seafood|shampoo|soap|storage|sugar|tea|"
    r"toner|treatment|water|wine"
)
"""Nouns without a plural."""

PLURALS = {"foot": "feet", "knife": "knives", "leaf": "leaves", "mouse": "mice", "scarf": "scarves", "shelf": "shelves"}

PEOPLE = re.compile(r"(?i)(?:.*[ -])?(?:\w+s|children|men|people|women)(?: .*)?")
"""English audiences that can follow "for": `owners of old dogs` can, `unisex` cannot."""

QUALITIES = re.compile(
    r"(?:.*[ -])?(?:certified|free|friendly|organic|proof|ready|resistant|safe|vegan|wireless)"
    r"|.*[a-z]{3}(?:able|friendly|ible|proof|resistant)|.*\w(?:bar|dicht|fest|frei|geeignet)"
)
"""Attributes that are adjectives: `dishwasher safe`, `spülmaschinengeeignet`."""
