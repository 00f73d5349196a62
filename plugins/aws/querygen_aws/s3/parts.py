"""The layout `parts`: 64 files of JSON lines, a line a query, and a manifest that tells when all are there."""

from __future__ import annotations

import json
from collections.abc import Sequence

from querygen_aws.s3.bucket import Seen

_FORMAT = "querygen/parts/1"


def manifest(job_id: str, parts: Sequence[tuple[str, Seen]]) -> str:
    """Names (without the folder), sizes and hashes of all parts in order, and their sums."""
    described = [
        {"name": name, "bytes": part.size, "sha256": part.sha256, "lines": part.lines, "products": part.products}
        for name, part in parts
    ]
    totals = {
        "parts": len(parts),
        "bytes": sum(part.size for _, part in parts),
        "lines": sum(part.lines for _, part in parts),
        "products": sum(part.products for _, part in parts),
    }
    text = json.dumps({"job_id": job_id, "format": _FORMAT, "totals": totals, "parts": described}, indent=1)
    return f"{text}\n"
