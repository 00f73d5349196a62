"""Amazon Web Services: what a job needs to run there."""

from __future__ import annotations

querygen_api = 1
