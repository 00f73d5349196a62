"""XML feeds: RSS, Atom, and lists of `<product>`, `<offer>` and the like.

The text is cut at the items' tags and each item is parsed by itself: memory stays flat, an invalid item (mostly because
of a bare `&`) costs only itself, and the parser never sees entities that a document type defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from querygen_files.formats.records import MAX_RECORD, TOO_LONG, InvalidRecord, Record, UnreadableFile
from querygen_files.formats.text_buffer import TextBuffer, TextSource

_ITEM_NAMES = "item|entry|product|offer|shopitem|artikel|article|produkt|produit|producto|listing|record|row"
_FIRST_ITEM = re.compile(rf"<((?:[\w.-]+:)?(?:{_ITEM_NAMES}))(?=[\s/>])", re.IGNORECASE)
# Prefixes of elements and attributes (`g:title`), which the fragment does not declare.
_PREFIX = re.compile(r"[<\s/]([A-Za-z_][\w.-]*):[\w.-]+(?=[\s=/>])")
_RESERVED_PREFIXES = frozenset({"xml", "xmlns"})
_NAMESPACE_DECLARATION = re.compile(r"\sxmlns(?::[\w.-]+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_MAX_DEPTH = 20
_MAX_TAG = 1_000
"""Characters at the end of the buffer that may be the beginning of a tag."""

_TAG_END = re.compile(r"/?>")
_COMMENT_END = re.compile("-->")


def read_xml(text: TextSource) -> Iterator[Record]:
    """The items of a feed, in constant memory. The first item's name decides which elements are items.

    Raises:
        UnreadableFile: there is no item, entities are declared, or the file is incomplete.
    """
    buffer = TextBuffer(text)
    first = buffer.find(_FIRST_ITEM, 0, MAX_RECORD)
    if first is None:
        raise UnreadableFile("the XML contains no products: no <item>, <entry>, <product>, <offer> or <row> was found")
    if "<!ENTITY" in buffer.text[: first.start()]:
        raise UnreadableFile("the XML declares entities, which may be an attack; remove the <!DOCTYPE …>", 1)
    name = re.escape(first[1])
    item_or_comment = re.compile(rf"<!--|<{name}(?=[\s/>])")
    item_edge = re.compile(rf"<{name}(?=[\s/>])|</{name}\s*>")
    while _go_to_item(buffer, item_or_comment):
        line = buffer.line
        length = _item_length(buffer, item_edge)
        if length is None:
            raise UnreadableFile("the file ends in the middle of this item, so it is incomplete; copy it again", line)
        item = buffer.text[buffer.position : buffer.position + length]
        buffer.position += length
        yield line, InvalidRecord("too_long", TOO_LONG, item) if length >= MAX_RECORD else _parse(item, line)


def _go_to_item(buffer: TextBuffer, item_or_comment: re.Pattern[str]) -> bool:
    """Move to the next item, past comments: they may hold items that somebody has commented out."""
    while (match := buffer.find(item_or_comment, 0, MAX_RECORD)) or not buffer.ended:
        buffer.position = match.start() if match else len(buffer.text) - _MAX_TAG
        if match is None:
            continue
        if match[0] != "<!--":
            return True
        end = buffer.find(_COMMENT_END, len("<!--"), MAX_RECORD)
        if end is None:
            raise UnreadableFile("the comment that begins here has no end; close it with -->", buffer.line)
        buffer.position = end.end()
    return False


def _item_length(buffer: TextBuffer, item_edge: re.Pattern[str]) -> int | None:
    """Characters to the item's end tag or, if that is missing, to the next item; None if the text ends first."""
    tag_end = buffer.find(_TAG_END, 0, MAX_RECORD)
    if tag_end is None or tag_end[0] == "/>":
        return None if tag_end is None else tag_end.end() - buffer.position
    edge = buffer.find(item_edge, 1, MAX_RECORD)
    if edge is None:
        return None if buffer.ended else len(buffer.text) - buffer.position
    is_end_tag = edge[0][1] == "/"
    return (edge.end() if is_end_tag else edge.start()) - buffer.position


def _parse(item: str, line: int) -> dict[str, Any] | InvalidRecord:
    """The item's fields. Each prefix is declared anew, as its declaration is mostly outside of the item."""
    prefixes = {*_PREFIX.findall(item)} - _RESERVED_PREFIXES
    declarations = "".join(f' xmlns:{prefix}="{prefix}"' for prefix in sorted(prefixes))
    document = f"<_{declarations}>{_NAMESPACE_DECLARATION.sub('', item)}</_>"
    try:
        element = fromstring(document, forbid_dtd=True)[0]
    except ParseError as exc:
        problem, _, _ = str(exc).partition(":")
        problem_line = line + exc.position[0] - 1
        message = f"not valid XML: {problem} at line {problem_line}; write & as &amp; and < as &lt;"
        return InvalidRecord("bad_xml", message, item)
    except (DefusedXmlException, ValueError, IndexError) as exc:
        return InvalidRecord("bad_xml", f"not valid XML: {exc}", item)
    value = _to_value(element, _MAX_DEPTH)
    return value if isinstance(value, dict) else {}


def _to_value(element: Element, depth: int) -> Any:
    """A leaf's text; else a mapping of attributes and children, with repeated children as lists.

    depth: how many levels below the element are read.
    """
    text = (element.text or "").strip()
    members: dict[str, Any] = {_local_name(name): value for name, value in element.attrib.items()}
    if depth > 0:
        _add_children(members, element, depth)
    if not members:
        return text
    return {**members, "value": text} if text and "value" not in members else members


def _add_children(members: dict[str, Any], element: Element, depth: int) -> None:
    """Google's `g:title` wins over RSS's `title`, since it is written for shops."""
    google_names = {_local_name(child.tag) for child in element if child.tag.startswith("{g}")}
    for child in element:
        name = _local_name(child.tag)
        if name in google_names and not child.tag.startswith("{g}"):
            continue
        value = _to_value(child, depth - 1)
        earlier = members.get(name)
        if earlier is None:
            members[name] = value
        elif isinstance(earlier, list):
            earlier.append(value)
        else:
            members[name] = [earlier, value]


def _local_name(name: str) -> str:
    return name.rpartition("}")[2]
