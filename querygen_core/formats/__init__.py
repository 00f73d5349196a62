"""What sinks that write files or objects share: how queries look as text, what an earlier text held, file names.

This package belongs to the versioned plugin interface, as `querygen_core.api` does: within a major of `api.API` names
stay, functions only gain parameters with defaults, and the texts that are written, which others read, only gain fields.
"""

from querygen_core.formats.atomic_file import move_into_place, replacing, sync_folder
from querygen_core.formats.document import Document
from querygen_core.formats.held_product import HeldProduct
from querygen_core.formats.jsonl import JsonLines
from querygen_core.formats.lines import from_line, of_product, of_query, read_lines, text_of, to_line
from querygen_core.formats.previous_contents import PreviousContents
from querygen_core.formats.safe_name import safe_name
from querygen_core.formats.snapshot import SnapshotWriter, StagedOutput

__all__ = [
    "Document",
    "HeldProduct",
    "JsonLines",
    "PreviousContents",
    "SnapshotWriter",
    "StagedOutput",
    "from_line",
    "move_into_place",
    "of_product",
    "of_query",
    "read_lines",
    "replacing",
    "safe_name",
    "sync_folder",
    "text_of",
    "to_line",
]
