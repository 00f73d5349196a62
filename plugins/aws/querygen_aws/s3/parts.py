"""The manifest of the layout `parts`: a JSON Lines file per partition, and this index, written when all exist."""

from __future__ import annotations

import json
from collections.abc import Sequence

from querygen_aws.s3.bucket import ObjectInfo

_FORMAT = "querygen/parts/1"


def manifest(job_id: str, parts: Sequence[tuple[str, ObjectInfo]]) -> str:
    """Return the manifest as JSON. parts: name without the folder, and what is in the bucket, in order."""
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
