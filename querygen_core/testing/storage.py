from __future__ import annotations

from pathlib import Path

import pytest

from querygen_core.api import MissingInput, Storage
from querygen_core.testing.contract import Contract

_LARGE = bytes(range(256)) * 8192  # 2 MiB


class StorageContract(Contract):
    """Checks that a storage reads objects by URL, as bytes, and lists them."""

    def storage(self, folder: Path) -> Storage:
        raise NotImplementedError

    def put(self, name: str, data: bytes) -> str:
        """Create an object called `name`, which may contain `/`, in the place of `self.folder`; its URL."""
        raise NotImplementedError

    def test_reads_bytes(self) -> None:
        data = b"\xff\x00 \r\n id,title\n"
        url = self.put("products.csv", data)
        with self.storage(self.folder).open(url) as stream:
            assert stream.read() == data

    def test_reads_the_same_again(self) -> None:
        url = self.put("products.csv", b"id,title\n")
        storage = self.storage(self.folder)
        for _ in range(2):
            with storage.open(url) as stream:
                assert stream.read() == b"id,title\n"

    def test_reads_in_pieces(self) -> None:
        url = self.put("large.bin", _LARGE)
        with self.storage(self.folder).open(url) as stream:
            assert stream.read(10) == _LARGE[:10]
            pieces = [_LARGE[:10]]
            while piece := stream.read(100_000):
                assert len(piece) <= 100_000
                pieces.append(piece)
        assert b"".join(pieces) == _LARGE

    def test_can_be_left_half_way(self) -> None:
        url = self.put("large.bin", _LARGE)
        storage = self.storage(self.folder)
        with storage.open(url) as stream:
            stream.read(1)
        with storage.open(url) as stream:
            assert stream.read(1) == _LARGE[:1]

    @pytest.mark.parametrize("name", ["with space.csv", "ümläut.csv", "a+b&c=d.csv", "100%.csv", "#1.csv"])
    def test_reads_awkward_names(self, name: str) -> None:
        url = self.put(name, b"here")
        with self.storage(self.folder).open(url) as stream:
            assert stream.read() == b"here"

    def test_says_when_it_is_missing(self) -> None:
        url = self.put("products.csv", b"")
        with pytest.raises(MissingInput) as caught:
            self.storage(self.folder).open(f"{url}.missing").read()
        assert "products.csv.missing" in str(caught.value), "the message does not name the object"

    def test_lists_what_is_under_a_prefix(self) -> None:
        urls = [self.put(f"feed/{name}.csv", b"x") for name in ("b", "a", "c/d")]
        self.put("other/e.csv", b"x")
        prefix = urls[0].removesuffix("b.csv")
        storage = self.storage(self.folder)
        assert list(storage.list(prefix)) == sorted(urls)
        for url in storage.list(prefix):
            with storage.open(url) as stream:
                assert stream.read() == b"x"

    def test_lists_nothing_under_an_unused_prefix(self) -> None:
        url = self.put("feed/a.csv", b"x")
        assert list(self.storage(self.folder).list(url.replace("feed/a.csv", "unused/"))) == []
