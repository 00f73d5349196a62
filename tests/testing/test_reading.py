"""Secret resolvers and storages."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from querygen_core.api import MissingInput, QuerygenError
from querygen_core.testing import SecretResolverContract, StorageContract
from tests.testing.verdict import catches

VALUE = "correct horse battery"


class Vault:
    def __init__(self, values):
        self._values = values

    def resolve(self, reference, field):
        if reference not in self._values:
            raise QuerygenError(f"there is no secret {reference!r}")
        if field is not None:
            raise self.no_field(reference, field)
        return self._values[reference]

    def no_field(self, reference, field):
        return QuerygenError(f"secret {reference!r} has no field {field!r}")


class TestVault(SecretResolverContract):
    kind = Vault

    def resolver(self, folder):
        return self.kind({"db/password": VALUE})

    def known(self):
        return "db/password", None, VALUE


class Open(Vault):
    def __repr__(self):
        return f"Open({self._values})"


class Quoting(Vault):
    def no_field(self, reference, field):
        return QuerygenError(f"{self._values[reference]!r} has no field {field!r}")


class Empty(Vault):
    def resolve(self, reference, field):
        return self._values.get(reference, "")


class Raw(Vault):
    def resolve(self, reference, field):
        return self._values[reference]


class Spending(Vault):
    def resolve(self, reference, field):
        return self._values.pop(reference, "")


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Open, "test_shows_no_value"),
        (Quoting, "test_a_missing_field_is_a_clear_error"),
        (Empty, "test_a_missing_secret_is_a_clear_error"),
        (Raw, "test_a_missing_secret_is_a_clear_error"),
        (Raw, "test_a_missing_field_is_a_clear_error"),
        (Spending, "test_resolves"),
        (Spending, "test_serves_threads"),
    ],
)
def test_a_wrong_resolver_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestVault,), {"kind": wrong}), test, tmp_path)


class Shelf:
    def path(self, url):
        return Path(unquote(url.removeprefix("shelf://")))

    def url(self, path):
        return f"shelf://{quote(str(path))}"

    def open(self, url):
        try:
            return self.path(url).open("rb")
        except FileNotFoundError:
            raise MissingInput(f"{url} is not there") from None

    def list(self, url):
        return sorted(self.url(path) for path in self.path(url).rglob("*") if path.is_file())


class TestShelf(StorageContract):
    kind = Shelf

    def storage(self, folder):
        return self.kind()

    def put(self, name, data):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data)
        return Shelf().url(path)


class Text(Shelf):
    def open(self, url):
        return self.path(url).open(encoding="latin-1")


class Quoted(Shelf):
    def path(self, url):
        return Path(url.removeprefix("shelf://"))


class Native(Shelf):
    def open(self, url):
        return self.path(url).open("rb")


class Flat(Shelf):
    def list(self, url):
        return sorted(self.url(path) for path in self.path(url).glob("*") if path.is_file())


class Everything(Shelf):
    def list(self, url):
        return sorted(self.url(path) for path in self.path(url).parent.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Text, "test_reads_bytes"),
        (Quoted, "test_reads_awkward_names"),
        (Native, "test_says_when_it_is_missing"),
        (Flat, "test_lists_what_is_under_a_prefix"),
        (Everything, "test_lists_what_is_under_a_prefix"),
    ],
)
def test_a_wrong_storage_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestShelf,), {"kind": wrong}), test, tmp_path)
