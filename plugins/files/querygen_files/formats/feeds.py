"""XML feeds: RSS, Atom, and lists of `<product>`, `<offer>` and the like.

The text is cut at the items' tags and each item parsed alone: memory stays flat, a broken item (most often a bare `&`)
costs only itself, and entities that a document type might define are never known to the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from querygen_files.formats.rows import LONGEST_RECORD, TOO_LONG, Broken, Row, Unreadable
from querygen_files.formats.window import Pieces, Window

_NAMES = "item|entry|product|offer|shopitem|artikel|article|produkt|produit|producto|listing|record|row"
_FIRST = re.compile(rf"<((?:[\w.-]+:)?(?:{_NAMES}))(?=[\s/>])", re.IGNORECASE)
_PREFIX = re.compile(r"[<\s/]([A-Za-z_][\w.-]*):[\w.-]+(?=[\s=/>])")
_RESERVED = frozenset({"xml", "xmlns"})
_DECLARATION = re.compile(r"\sxmlns(?::[\w.-]+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_DEEPEST = 20
_LONGEST_TAG = 1_000
_TAG_END = re.compile(r"/?>")
_COMMENT_END = re.compile("-->")


def read_feed(text: Pieces) -> Iterator[Row]:
    window = Window(text)
    first = window.find(_FIRST, 0, LONGEST_RECORD)
    if first is None:
        raise Unreadable("no product found in the XML: it should hold <item>, <entry>, <product>, <offer> or <row>")
    if "<!ENTITY" in window.buffer[: first.start()]:
        raise Unreadable("the XML defines entities of its own, which may be an attack; remove the <!DOCTYPE …>", 1)
    name = re.escape(first[1])
    start, edge = re.compile(rf"<!--|<{name}(?=[\s/>])"), re.compile(rf"<{name}(?=[\s/>])|</{name}\s*>")
    while _go_to_item(window, start):
        line = window.line
        length = _item_length(window, edge)
        if length is None:
            raise Unreadable("the file ends in the middle of this item: it was cut off; copy it again", line)
        item = window.buffer[window.at : window.at + length]
        window.at += length
        yield line, Broken("too_long", TOO_LONG, item) if length >= LONGEST_RECORD else _parse(item, line)


def _go_to_item(window: Window, start: re.Pattern[str]) -> bool:
    """Past comments, which may hold items that somebody has taken out."""
    while (found := window.find(start, 0, LONGEST_RECORD)) or not window.ended:
        window.at = found.start() if found else len(window.buffer) - _LONGEST_TAG
        if found is None:
            continue
        if found[0] != "<!--":
            return True
        end = window.find(_COMMENT_END, len("<!--"), LONGEST_RECORD)
        if end is None:
            raise Unreadable("the comment that begins here never ends", window.line)
        window.at = end.end()
    return False


def _item_length(window: Window, edge: re.Pattern[str]) -> int | None:
    """As far as the item's end tag or, if that is missing, as the next item's start; None if the text ends first."""
    opened = window.find(_TAG_END, 0, LONGEST_RECORD)
    if opened is None or opened[0] == "/>":
        return None if opened is None else opened.end() - window.at
    found = window.find(edge, 1, LONGEST_RECORD)
    if found is None:
        return None if window.ended else len(window.buffer) - window.at
    return (found.end() if found[0][1] == "/" else found.start()) - window.at


def _parse(item: str, line: int) -> dict[str, Any] | Broken:
    prefixes = {*_PREFIX.findall(item)} - _RESERVED
    declared = "".join(f' xmlns:{prefix}="{prefix}"' for prefix in sorted(prefixes))
    try:
        element = fromstring(f"<_{declared}>{_DECLARATION.sub('', item)}</_>", forbid_dtd=True)[0]
    except ParseError as exc:
        problem, _, _ = str(exc).partition(":")
        where = line + exc.position[0] - 1
        return Broken("bad_xml", f"no valid XML: {problem} at line {where}; write & as &amp; and < as &lt;", item)
    except (DefusedXmlException, ValueError, IndexError) as exc:
        return Broken("bad_xml", f"no valid XML: {exc}", item)
    value = _to_value(element, _DEEPEST)
    return value if isinstance(value, dict) else {}


def _to_value(element: Element, depth: int) -> Any:
    """Text of a leaf; else a mapping of its attributes and children, those that come several times as lists."""
    text = (element.text or "").strip()
    members: dict[str, Any] = {_local(name): value for name, value in element.attrib.items()}
    if depth > 0:
        _add_children(members, element, depth)
    if not members:
        return text
    return {**members, "value": text} if text and "value" not in members else members


def _add_children(members: dict[str, Any], element: Element, depth: int) -> None:
    """Google's `g:title` wins over RSS's `title`: it is written for shops."""
    google = {_local(child.tag) for child in element if child.tag.startswith("{g}")}
    for child in element:
        name = _local(child.tag)
        if name in google and not child.tag.startswith("{g}"):
            continue
        value = _to_value(child, depth - 1)
        known = members.get(name)
        if known is None:
            members[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            members[name] = [known, value]


def _local(name: str) -> str:
    return name.rpartition("}")[2]
