from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import TypeVar

import pytest

from querygen_core.api import Entry, KeepsObjects, StoredObject
from querygen_core.testing.contract import Contract

T = TypeVar("T")

_WRITERS = 16
_RESOLUTION = timedelta(seconds=1)  # of a store's clock, at worst
_LARGE = bytes(range(256)) * 20_000  # 5 MB


class ObjectStoreContract(Contract):
    """Checks that a storage keeps objects on the conditions of `KeepsObjects`."""

    def objects(self) -> KeepsObjects:
        """A new storage."""
        raise NotImplementedError

    def url(self, name: str) -> str:
        """The URL of `name`, which may contain `/` or be "", in a place that is new and empty in each test."""
        raise NotImplementedError

    def test_is_an_object_store(self) -> None:
        assert isinstance(self.objects(), KeepsObjects)

    def test_gives_back_what_was_written(self) -> None:
        body = b"\xff\x00 \r\n{}"
        assert self.objects().create(self.url("a/b.json"), body) is None
        assert _bodies(self.objects().get(self.url("a/b.json"))) == [body]
        assert self.objects().get(self.url("a/c.json")) is None
        assert self.objects().get(self.url("z/c.json")) is None

    @pytest.mark.parametrize("body", [b"", _LARGE], ids=["empty", "5 MB"])
    def test_takes_any_size(self, body: bytes) -> None:
        store = self.objects()
        assert store.create(self.url("a"), body) is None
        stored = _found(store.get(self.url("a")))
        assert stored.body == body
        assert store.replace(self.url("a"), body + b"!", stored.etag)
        assert _found(store.get(self.url("a"))).body == body + b"!"

    def test_the_first_to_create_wins(self) -> None:
        store = self.objects()
        assert store.create(self.url("a"), b"first") is None
        assert _bodies(store.create(self.url("a"), b"second")) == [b"first"]
        assert _bodies(store.get(self.url("a"))) == [b"first"]

    def test_a_repeated_create_finds_itself(self) -> None:
        """A put whose answer was lost is sent again."""
        store = self.objects()
        assert [store.create(self.url("a"), b"mine") for _ in range(2)] == [None, None]

    def test_of_many_that_create_at_once_one_wins(self) -> None:
        for name in ("a", "b/c", "d"):
            url = self.url(name)
            results = _at_once(partial(_create_numbered, url), self.objects)
            winners = [number for number, existing in enumerate(results) if existing is None]
            assert len(winners) == 1
            body = b"%d" % winners[0]
            assert {existing.body for existing in results if existing is not None} == {body}
            assert _bodies(self.objects().get(url)) == [body]

    def test_replaces_only_the_version_it_was_told(self) -> None:
        store, url = self.objects(), self.url("a")
        store.create(url, b"1")
        first = _found(store.get(url)).etag
        second = store.replace(url, b"2", first)
        assert second
        assert second != first
        assert store.replace(url, b"3", first) is None
        assert _bodies(store.get(url)) == [b"2"]
        assert _found(store.get(url)).etag == second
        assert store.replace(url, b"4", second)
        assert _bodies(self.objects().get(url)) == [b"4"]

    def test_of_many_that_replace_at_once_one_wins(self) -> None:
        url = self.url("lease")
        self.objects().create(url, b"free")
        etag = _found(self.objects().get(url)).etag
        results = _at_once(lambda store, number: store.replace(url, b"%d" % number, etag), self.objects)
        winners = [number for number, written in enumerate(results) if written]
        assert len(winners) == 1
        stored = _found(self.objects().get(url))
        assert (stored.body, stored.etag) == (b"%d" % winners[0], results[winners[0]])

    def test_does_not_replace_what_is_not_there(self) -> None:
        store = self.objects()
        assert store.replace(self.url("a/b"), b"1", '"0"') is None
        assert store.get(self.url("a/b")) is None

    def test_deletes(self) -> None:
        store, url = self.objects(), self.url("a/b")
        store.create(url, b"1")
        etag = _found(store.get(url)).etag
        store.create(self.url("a/c"), b"stays")
        for _ in range(2):  # the second time it is gone already
            store.delete(url)
            assert store.get(url) is None
        assert store.replace(url, b"2", etag) is None
        assert [entry.url for entry in store.entries(self.url(""))] == [self.url("a/c")]
        assert store.create(url, b"3") is None

    def test_deletes_where_there_is_no_folder(self) -> None:
        self.objects().delete(self.url("none/a"))

    @pytest.mark.parametrize(
        "name", ["a b+c&d=e;f", "100%.json", "a%2Fb", "%2E%2E/a", "#1?2", "ümläut€😀", "x" * 200, "a:b@c$d!e'(f)*,~"]
    )
    def test_takes_names_literally(self, name: str) -> None:
        store, url = self.objects(), self.url(f"in/{name}")
        assert store.create(url, name.encode()) is None
        assert _bodies(store.get(url)) == [name.encode()]
        assert [entry.url for entry in store.entries(self.url("in/"))] == [url]

    def test_an_empty_folder_has_no_entries(self) -> None:
        store = self.objects()
        assert list(store.entries(self.url(""))) == []
        assert list(store.entries(self.url("none/"))) == []

    def test_lists_what_is_below_a_folder(self) -> None:
        store = self.objects()
        urls = {self.url(name) for name in ("a/1", "a/2", "a/b/3", "a/b/c/4")}
        for url in [*urls, self.url("ab/5"), self.url("6")]:
            store.create(url, b"")
        _found(store.get(self.url("a/1")))
        store.replace(self.url("a/1"), b"1", _found(store.get(self.url("a/1"))).etag)
        assert {entry.url for entry in store.entries(self.url("a/"))} == urls
        assert {entry.url for entry in store.entries(self.url("a/b/"))} == {self.url("a/b/3"), self.url("a/b/c/4")}

    def test_lists_many_page_by_page(self) -> None:
        store = self.objects()
        urls = [self.url(f"many/{number:04}") for number in range(2_500)]
        with ThreadPoolExecutor(_WRITERS) as pool:
            assert set(pool.map(lambda url: store.create(url, b""), urls)) == {None}
        entries = store.entries(self.url("many/"))
        assert iter(entries) is entries
        first = next(entries)
        assert isinstance(first, Entry)
        assert sorted([first.url, *(entry.url for entry in entries)]) == urls

    def test_times_are_those_of_the_store_s_clock(self) -> None:
        store, url = self.objects(), self.url("a/b")
        before = store.now(url)
        store.create(url, b"1")
        (entry,) = store.entries(self.url("a/"))
        assert before.utcoffset() == entry.written.utcoffset() == timedelta(0)
        assert before - _RESOLUTION <= entry.written <= store.now(url) + _RESOLUTION
        earlier = store.now(url)
        age = timedelta(seconds=_found(store.get(url)).age)
        later = store.now(url)
        assert timedelta(0) <= age
        assert earlier - entry.written - _RESOLUTION <= age <= later - entry.written + _RESOLUTION

    def test_tells_the_time_where_nothing_is(self) -> None:
        store = self.objects()
        assert store.now(self.url("none/a")) <= store.now(self.url("")) + _RESOLUTION


def _create_numbered(url: str, store: KeepsObjects, number: int) -> StoredObject | None:
    return store.create(url, b"%d" % number)


def _at_once(work: Callable[[KeepsObjects, int], T], objects: Callable[[], KeepsObjects]) -> list[T]:
    """The results of `work` in many threads, each with a storage and a number of its own."""
    barrier = Barrier(_WRITERS)
    stores = [objects() for _ in range(_WRITERS)]

    def write(number: int) -> T:
        barrier.wait()
        return work(stores[number], number)

    with ThreadPoolExecutor(_WRITERS) as pool:
        return list(pool.map(write, range(_WRITERS)))


def _found(stored: StoredObject | None) -> StoredObject:
    assert stored is not None, "the object is missing"
    return stored


def _bodies(stored: StoredObject | None) -> list[bytes]:
    return [] if stored is None else [stored.body]
