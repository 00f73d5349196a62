"""The proxy that the other tests rely on: what it lets through is counted to the byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tcp_proxy import Proxy, proxied


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Before a server that says everything back, in capitals."""
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        echo = threading.Thread(target=_serve, args=[listener])
        echo.start()
        with proxied(*listener.getsockname()) as proxy:
            yield proxy
            proxy.cut_all()
        listener.shutdown(socket.SHUT_RDWR)
        echo.join(5)
    assert set(threading.enumerate()) == before


HEARD: list[list[bytes]] = []
"""By the server, from each client."""


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        HEARD.append([])
        with connection, suppress(OSError):
            while chunk := connection.recv(1000):
                HEARD[-1].append(chunk)
                connection.sendall(chunk.upper())


def _connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def _say(client: socket.socket, said: bytes) -> bytes:
    client.sendall(said)
    return client.recv(1000)


def _end_of(client: socket.socket) -> str:
    try:
        while client.recv(1000):
            pass
    except ConnectionResetError:
        return "reset"
    return "polite"


def test_it_forwards_and_counts(proxy):
    with _connect(proxy) as client:
        assert _say(client, b"one") == b"ONE"
        assert proxy.counted == {"up": 3, "down": 3}
        proxy.count_anew()
        assert _say(client, b"three") == b"THREE"
        assert proxy.counted == {"up": 5, "down": 5}


@pytest.mark.parametrize("after", range(6))
def test_a_cut_of_what_comes_back(proxy, after):
    """Of the answer to what begins with byte 3."""
    proxy.cut("down", after, since=3)
    with _connect(proxy) as client:
        assert _say(client, b"one") == b"ONE"
        client.sendall(b"three")
        heard = b"".join(iter(lambda: client.recv(1), b""))
        assert heard == b"THREE"[:after]
    assert proxy.cuts == 1
    with _connect(proxy) as client:
        assert _say(client, b"again") == b"AGAIN"


@pytest.mark.parametrize("after", range(1, 6))
@pytest.mark.parametrize("hard", [True, False])
def test_a_cut_of_what_is_sent(proxy, after, hard):
    """The server gets all before the cut, however hard the client is dropped."""
    proxy.cut("up", after, since=3, hard=hard)
    with _connect(proxy) as client:
        assert _say(client, b"one") == b"ONE"
        client.sendall(b"three")
        assert _end_of(client) == ("reset" if hard else "polite")
    with _connect(proxy) as other:
        assert _say(other, b"x") == b"X"
        assert b"".join(HEARD[-2]) == b"one" + b"three"[:after]


def test_refused_and_taken_again(proxy):
    with _connect(proxy) as client:
        assert _say(client, b"first") == b"FIRST"
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            _connect(proxy)
        assert _say(client, b"still") == b"STILL"
        proxy.cut_all()
        with pytest.raises(ConnectionResetError):
            _say(client, b"here")
    proxy.accept()
    with _connect(proxy) as client:
        assert _say(client, b"again") == b"AGAIN"


def test_a_pause_loses_nothing(proxy):
    with _connect(proxy) as client:
        assert _say(client, b"one") == b"ONE"
        proxy.pause()
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            _say(client, b"two")
        proxy.resume()
        client.settimeout(5)
        assert client.recv(1000) == b"TWO"
