"""Detects the format of a file: by its content, and by its extension only where the content is ambiguous."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from querygen_files.formats.records import UnreadableFile

_EXTENSIONS = {
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
_BINARY_SIGNATURES = {
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
# A document mark, a directive, or the first item of a list.
_YAML_START = re.compile(r"(?:---|-|%YAML\b.*|- .*)\s*$", re.MULTILINE)
_YAML_KEY = re.compile(r"[\w@-]+:(?:\s*$|\s+\S)", re.MULTILINE)
_HTML = re.compile(r"<(?:!doctype html|html|head|body)\b", re.IGNORECASE)


def reject_binary(head: bytes) -> None:
    """Raises UnreadableFile if the file is empty or not a text file, and says what it is."""
    if not head:
        raise UnreadableFile("the file is empty")
    if not head.strip(b"\0"):
        raise UnreadableFile(f"this is not a text file: it begins with {len(head):,} zero bytes", 1)
    for signature, description in _BINARY_SIGNATURES.items():
        if head.startswith(signature):
            raise UnreadableFile(f"this is {description}")


def detect_format(head: str, name: str) -> str:
    """One of csv, tsv, json, jsonl, yaml, xml. head: the beginning of the file's text.

    Raises:
        UnreadableFile: the file is empty or is an HTML page.
    """
    text = head.lstrip("\ufeff \t\r\n")
    if not text:
        raise UnreadableFile("the file is empty")
    by_extension = _EXTENSIONS.get(PurePosixPath(re.sub(r"\.gz$", "", name.lower())).suffix, "")
    # Brackets decide for themselves; a JSON file named .csv is still JSON.
    if text[0] == "[":
        return "json"
    if text[0] == "{":
        return "jsonl" if _is_jsonl(text, by_extension) else "json"
    if text[0] == "<":
        if _HTML.match(text):
            raise UnreadableFile("this is an HTML page, not a feed; check the address, and whether it needs a login")
        return "xml"
    if _YAML_START.match(text) or by_extension == "yaml":
        return "yaml"
    if by_extension in ("csv", "tsv", "json"):
        return by_extension
    return "yaml" if text[0] == "#" or _YAML_KEY.match(text) else "csv"


def _is_jsonl(text: str, by_extension: str) -> bool:
    """Whether the text has one object a line. If one object is spread over lines, neither is the first line an object,
    nor does the second line begin one, except in a list.
    """
    first, *others = (line.strip() for line in text.splitlines()[:50] if line.strip())
    if not others:
        return by_extension == "jsonl"
    return _is_json(first) or (others[0][0] == "{" and first[-1] not in ",:[{")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
