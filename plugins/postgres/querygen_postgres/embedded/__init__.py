"""A PostgreSQL server of querygen's own, for `dsn: embedded`.

Three locks hold it together, and the system gives up each of them when a process ends, however it ends:

- `users.lock`, shared, is held by everybody who uses the server. Its keeper waits until it gets it for itself.
- `server.lock` is held by the keeper and, inherited, by every process of the server: where it is free, none is left.
- `start.lock` is held by who starts or stops.
"""

from querygen_postgres.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer"]
