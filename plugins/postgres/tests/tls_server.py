"""TLS in front of PostgreSQL, with certificates of authorities that were made for the test."""

from __future__ import annotations

import asyncio
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SSL_REQUEST, _GSS_REQUEST = 80877103, 80877104
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """Its certificate is `file`."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    @classmethod
    def make(cls, folder: Path) -> Authority:
        folder.mkdir()
        subject = ("-subj", "/CN=An authority of a test", "-days", "2")
        _openssl(folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", *subject)
        return cls(folder)

    def certify(self, *names: str) -> ssl.SSLContext:
        """What a server with these names needs."""
        _openssl(self.folder, "req", *_KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={names[0]}")
        (self.folder / "names").write_text(f"subjectAltName={','.join(f'DNS:{name}' for name in names)}\n")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
        _openssl(self.folder, "x509", "-req", "-in", "server.csr", "-out", "server.pem", *signing)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        return context


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


class _Terminator:
    """Answers the client's wish for TLS, as PostgreSQL does, and forwards the rest to one that has none."""

    def __init__(self, context: ssl.SSLContext, target: tuple[str, int]) -> None:
        self._context = context
        self._target = target

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        while (request := struct.unpack("!ii", first)[1]) in (_SSL_REQUEST, _GSS_REQUEST):
            writer.write(b"S" if request == _SSL_REQUEST else b"N")
            await writer.drain()
            if request == _SSL_REQUEST:
                await writer.start_tls(self._context)
            first = await reader.readexactly(8)
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        up_writer.write(first)
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def with_tls(context: ssl.SSLContext, target: tuple[str, int]) -> Iterator[int]:
    """A port of 127.0.0.1."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(_Terminator(context, target).serve, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
