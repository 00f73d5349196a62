from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from querygen_core.api import QuerygenError, SecretResolver
from querygen_core.testing.contract import Contract


class SecretResolverContract(Contract):
    """Checks that a resolver returns the value, in any thread, and never shows it otherwise."""

    def resolver(self, folder: Path) -> SecretResolver:
        raise NotImplementedError

    def known(self) -> tuple[str, str | None, str]:
        """Create a secret that `resolver` finds; (reference, field, value) of it."""
        raise NotImplementedError

    def missing(self) -> str:
        """Optional: a reference of which there is no secret."""
        return "no-such-secret-71d3"

    def test_resolves(self) -> None:
        reference, field, value = self.known()
        resolver = self.resolver(self.folder)
        assert resolver.resolve(reference, field) == value
        assert resolver.resolve(reference, field) == value, "a second resolve() returned a different value"

    def test_serves_threads(self) -> None:
        """Providers and sinks fetch their secrets at the same time, each in a thread of its own."""
        reference, field, value = self.known()
        resolver = self.resolver(self.folder)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: resolver.resolve(reference, field), range(16))) == {value}

    def test_a_missing_secret_is_a_clear_error(self) -> None:
        self.known()
        with pytest.raises(QuerygenError) as caught:
            self.resolver(self.folder).resolve(self.missing(), None)
        assert self.missing().split("/")[-1] in str(caught.value), "the message does not name the reference"

    def test_a_missing_field_is_a_clear_error(self) -> None:
        """Also for a resolver without fields. The message must not quote the secret."""
        reference, _, value = self.known()
        with pytest.raises(QuerygenError) as caught:
            self.resolver(self.folder).resolve(reference, "no-such-field")
        assert value not in str(caught.value), "the message quotes the secret"

    def test_shows_no_value(self) -> None:
        reference, field, value = self.known()
        resolver = self.resolver(self.folder)
        resolver.resolve(reference, field)
        assert value not in f"{resolver!r} {resolver}", "the secret shows in the resolver's repr"
