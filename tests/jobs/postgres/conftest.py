from __future__ import annotations

from postgres_fixtures import database, ready, server

__all__ = ["database", "ready", "server"]
