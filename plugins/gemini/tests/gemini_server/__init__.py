"""A stand-in for Google's Gemini REST API, on a port of loopback.

By hand, in the folder above: `python -m gemini_server --help`. In a test: `with gemini_server.running() as server:`,
and then `server.url`, `server.stats()` and so on.
"""

from gemini_server.server import FOLDER, Gemini, running

__all__ = ["FOLDER", "Gemini", "running"]
