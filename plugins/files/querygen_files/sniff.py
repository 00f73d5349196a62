"""Which format a file has: its content decides, its ending only where the content leaves it open."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from querygen_files.formats.rows import Unreadable

_ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".xml": "xml",
    ".rss": "xml",
    ".atom": "xml",
}
_BINARY = {
    b"PK\x03\x04": "a ZIP file or an Excel workbook; save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save it as CSV",
    b"PAR1": "a Parquet file; export it as JSONL or CSV",
    b"%PDF": "a PDF",
    b"BZh": "compressed with bzip2; decompress it or use gzip",
    b"\xfd7zXZ": "compressed with xz; decompress it or use gzip",
    b"(\xb5/\xfd": "compressed with zstd; decompress it or use gzip",
    b"SQLite format 3": "a SQLite database; export the table as CSV",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_YAML = re.compile(r"(?:---|-|%YAML\b.*|- .*)\s*$", re.MULTILINE)
_YAML_KEY = re.compile(r"[\w@-]+:(?:\s*$|\s+\S)", re.MULTILINE)
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)


def refuse_binary(head: bytes) -> None:
    """Raises Unreadable, with what the file is instead of text."""
    if not head:
        raise Unreadable("the file is empty")
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            raise Unreadable(f"this is {what}")


def sniff_format(head: str, name: str) -> str:
    """One of csv, tsv, json, jsonl, yaml, xml, for the text that a file begins with."""
    text = head.lstrip("\ufeff \t\r\n")
    if not text:
        raise Unreadable("the file is empty")
    ending = _ENDINGS.get(PurePosixPath(re.sub(r"\.gz$", "", name.lower())).suffix, "")
    if text[0] == "[":
        return "json"
    if text[0] == "{":
        return "jsonl" if _is_lines(text, ending) else "json"
    if text[0] == "<":
        if _HTML.match(text):
            raise Unreadable("this is an HTML page, not a feed; is the address right, or did a login page answer?")
        return "xml"
    if _YAML.match(text) or (ending == "yaml" and not text.startswith("<")):
        return "yaml"
    if ending in ("csv", "tsv", "json"):
        return ending
    return "yaml" if text[0] == "#" or _YAML_KEY.match(text) else "csv"


def _is_lines(text: str, ending: str) -> bool:
    """One object a line? Of one object spread over lines, the first line is no object; nor does the second begin one,
    but in a list.
    """
    first, *others = (line.strip() for line in text.splitlines()[:50] if line.strip())
    if not others:
        return ending == "jsonl"
    return _is_json(first) or (others[0][0] == "{" and first[-1] not in ",:[{")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
