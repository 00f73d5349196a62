"""Every secret that a config names: fetched once, however many places name it, and again when it was refused."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from querygen_core.secrets import Secret

_log = logging.getLogger("querygen.secrets")


@dataclass(frozen=True, slots=True)
class Reference:
    """`${secret:<resolver>:<name>#<field>}`. Split at the last `#`, since a name may hold colons and slashes."""

    resolver: str
    name: str
    field: str | None

    @property
    def use(self) -> str:
        """The resolver as `plugin/name`."""
        return self.resolver if "/" in self.resolver else f"core/{self.resolver}"

    @property
    def whole(self) -> str:
        """What names the secret itself, whichever field of it is meant."""
        return f"{self.resolver}:{self.name}"


@dataclass(slots=True)
class _Kept:
    """What is known of one secret. loads: how often it was fetched, its fields together counting once."""

    values: dict[str | None, str] = field(default_factory=dict)
    loads: int = 0
    lock: Lock = field(default_factory=Lock)


class Vault:
    """Asks the resolvers, keeps what they say, and counts. Any thread may use it.

    The fields of a secret are renewed together: what is refused because it is of an earlier load than the latest is
    replaced by what is here already. on_reload: called, in any thread, with what names the secret.
    """

    def __init__(self, resolve: Callable[[Reference], str], forget: Callable[[Reference], None] | None = None) -> None:
        self.on_reload: Callable[[str], None] | None = None
        self._resolve = resolve
        self._forget = forget
        self._kept: defaultdict[str, _Kept] = defaultdict(_Kept)
        self._lock = Lock()

    @property
    def counts(self) -> dict[str, int]:
        """For the report: secrets that were fetched, and how often one was fetched again."""
        with self._lock:
            loads = [kept.loads for kept in self._kept.values() if kept.loads]
        return {"fetched": len(loads), "reloaded": sum(loads) - len(loads)}

    def secret(self, text: str, parts: Sequence[str | Reference]) -> Secret:
        """The handle on a text with secrets in it. Fetches nothing."""
        written = _Text(self, parts)
        return Secret(text, written.fetch, written.reload)

    def get(self, reference: Reference) -> tuple[str, int]:
        """The value, and the number of the load that it is of."""
        kept = self._of(reference)
        with kept.lock:
            if reference.field not in kept.values:
                kept.values[reference.field] = self._resolve(reference)
                kept.loads = kept.loads or 1
            return kept.values[reference.field], kept.loads

    def renew(self, reference: Reference, load: int) -> None:
        """Fetch it again, unless it has been since that load. If that fails, what was there stays."""
        kept = self._of(reference)
        with kept.lock:
            if kept.loads != load:
                return
            if self._forget is not None:
                self._forget(reference)
            kept.values = {reference.field: self._resolve(reference)}
            kept.loads += 1
        _log.info("%s was refused, and has been fetched again", reference.whole)
        if self.on_reload is not None:
            self.on_reload(reference.whole)

    def _of(self, reference: Reference) -> _Kept:
        with self._lock:
            return self._kept[reference.whole]


class _Text:
    """A text of a config with secrets in it. Its `Secret` calls one method at a time."""

    def __init__(self, vault: Vault, parts: Sequence[str | Reference]) -> None:
        self._vault = vault
        self._parts = parts
        self._loads: dict[Reference, int] = {}

    def fetch(self) -> str:
        return "".join(part if isinstance(part, str) else self._get(part) for part in self._parts)

    def reload(self) -> str:
        for reference, load in self._loads.items():
            self._vault.renew(reference, load)
        return self.fetch()

    def _get(self, reference: Reference) -> str:
        value, self._loads[reference] = self._vault.get(reference)
        return value
