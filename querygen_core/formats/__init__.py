"""How the queries of a job look as text, and what such a text held: for sinks that write files or objects.

What these write is a format that others read; within a major of `querygen_core.api` it only gains fields.
"""

from querygen_core.formats.document import Document
from querygen_core.formats.holdings import HeldProduct, Holdings
from querygen_core.formats.jsonl import JsonLines
from querygen_core.formats.lines import from_line, of_product, of_query, read_lines, text_of, to_line

__all__ = [
    "Document",
    "HeldProduct",
    "Holdings",
    "JsonLines",
    "from_line",
    "of_product",
    "of_query",
    "read_lines",
    "text_of",
    "to_line",
]
