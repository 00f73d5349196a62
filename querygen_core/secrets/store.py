"""Fetches the secrets that a config names: each once, and again when its user says that it was refused."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from querygen_core.secrets.secret import Secret

_log = logging.getLogger("querygen.secrets")


@dataclass(frozen=True, slots=True)
class Reference:
    """`${secret:<resolver>:<name>#<field>}`. Split at the last `#`, since a name may hold colons and slashes."""

    resolver: str
    """As written: `env`, or `plugin/name`."""
    name: str
    """Which secret; what it looks like is up to the resolver."""
    field: str | None
    """The key of a secret that is a JSON object; None for the whole value."""

    @property
    def use(self) -> str:
        """The resolver's component, `plugin/name`."""
        return self.resolver if "/" in self.resolver else f"core/{self.resolver}"

    @property
    def whole(self) -> str:
        """`<resolver>:<name>`: the same for all fields of a secret."""
        return f"{self.resolver}:{self.name}"


@dataclass(slots=True)
class _CachedSecret:
    values: dict[str | None, str] = field(default_factory=dict)
    """Field → value."""
    loads: int = 0
    """How often it was fetched; fetching its other fields does not count."""
    lock: Lock = field(default_factory=Lock)


class SecretStore:
    """Asks the resolvers, caches values, and counts fetches. For any thread.

    The fields of a secret are renewed together, since a rotation changes all of them. A refused value that is older
    than the cached one is replaced by the cached one, without a fetch.

    resolve: returns the value of a reference. forget: empties the resolver's own cache before a secret is renewed.
    on_reload: called, in any thread, with `Reference.whole` after a secret was renewed.
    """

    def __init__(self, resolve: Callable[[Reference], str], forget: Callable[[Reference], None] | None = None) -> None:
        self.on_reload: Callable[[str], None] | None = None
        self._resolve = resolve
        self._forget = forget
        self._cache: defaultdict[str, _CachedSecret] = defaultdict(_CachedSecret)
        self._lock = Lock()

    @property
    def counts(self) -> dict[str, int]:
        """For the report: `fetched`, secrets that were needed; `reloaded`, how often one was fetched again."""
        with self._lock:
            loads = [cached.loads for cached in self._cache.values() if cached.loads]
        return {"fetched": len(loads), "reloaded": sum(loads) - len(loads)}

    def secret(self, text: str, parts: Sequence[str | Reference]) -> Secret:
        """A `Secret` for a text of the config. Fetches nothing. parts: plain text and references, in order."""
        template = _Template(self, parts)
        return Secret(text, template.fetch, template.reload)

    def get(self, reference: Reference) -> tuple[str, int]:
        """The value, and the number of its load, for `renew`. Fetched if it is not cached."""
        cached = self._cached(reference)
        with cached.lock:
            if reference.field not in cached.values:
                cached.values[reference.field] = self._resolve(reference)
                cached.loads = cached.loads or 1
            return cached.values[reference.field], cached.loads

    def renew(self, reference: Reference, load: int) -> None:
        """Fetch a secret again, unless a later load than `load` is cached. If that fails, the cached values stay."""
        cached = self._cached(reference)
        with cached.lock:
            if cached.loads != load:
                return
            if self._forget is not None:
                self._forget(reference)
            cached.values = {reference.field: self._resolve(reference)}
            cached.loads += 1
        _log.info("%s was refused and has been fetched again", reference.whole)
        if self.on_reload is not None:
            self.on_reload(reference.whole)

    def _cached(self, reference: Reference) -> _CachedSecret:
        with self._lock:
            return self._cache[reference.whole]


class _Template:
    """A text of the config with references in it. Its `Secret` calls one method at a time."""

    def __init__(self, store: SecretStore, parts: Sequence[str | Reference]) -> None:
        self._store = store
        self._parts = parts
        self._loads: dict[Reference, int] = {}

    def fetch(self) -> str:
        return "".join(part if isinstance(part, str) else self._get(part) for part in self._parts)

    def reload(self) -> str:
        for reference, load in self._loads.items():
            self._store.renew(reference, load)
        return self.fetch()

    def _get(self, reference: Reference) -> str:
        value, self._loads[reference] = self._store.get(reference)
        return value
