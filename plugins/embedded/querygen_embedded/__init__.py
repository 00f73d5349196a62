"""A PostgreSQL server that runs while querygen uses it, for `dsn: embedded`.

Three `flock` locks in the server's folder coordinate users, supervisor and server. The kernel releases each of them
when a process ends, however it ends, so no crash leaves a stale lock behind:

- `users.lock`: every process that uses the server holds it shared. The supervisor waits for it exclusively: once it
  gets it there are no users left, and the server is stopped.
- `server.lock`: the supervisor holds it, and every process of the server inherits it. If it is free, none of them runs.
- `start.lock`: held by a process that starts the server or waits for its end.
"""

from querygen_embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer"]
