"""Secrets are fetched once, whoever asks, and once more when they were refused."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from querygen_core.api import CredentialsError, Secret
from querygen_core.secrets.store import Reference, SecretStore

A, B, OTHER = Reference("v/x", "db", "a"), Reference("v/x", "db", "b"), Reference("v/x", "other", None)


class Store:
    """What a resolver would ask. asked: how often, by secret; it keeps what it got until it is told to forget."""

    def __init__(self) -> None:
        self.version = 1
        self.asked: Counter[str] = Counter()
        self.kept: dict[str, int] = {}
        self.fails = False

    def resolve(self, reference: Reference) -> str:
        if reference.name not in self.kept:
            if self.fails:
                raise CredentialsError("closed", transient=True)
            self.asked[reference.name] += 1
            self.kept[reference.name] = self.version
        return f"{reference.name}.{reference.field}.{self.kept[reference.name]}"

    def forget(self, reference: Reference) -> None:
        self.kept.pop(reference.name, None)

    def secret_store(self) -> SecretStore:
        return SecretStore(self.resolve, self.forget)


@pytest.fixture
def store() -> Store:
    return Store()


def test_every_secret_is_fetched_once_and_counted(store):
    secret_store = store.secret_store()
    secrets = [secret_store.secret("", [one]) for one in (A, B, A, OTHER)]
    assert secret_store.counts == {"fetched": 0, "reloaded": 0}
    assert [one.reveal() for one in secrets] == ["db.a.1", "db.b.1", "db.a.1", "other.None.1"]
    assert store.asked == {"db": 1, "other": 1}
    assert secret_store.counts == {"fetched": 2, "reloaded": 0}


def test_fields_of_one_secret_are_reloaded_together(store):
    secret_store, told = store.secret_store(), []
    secret_store.on_reload = told.append
    a, b = secret_store.secret("", [A]), secret_store.secret("", [B])
    old = a.reveal(), b.reveal()
    store.version = 2
    assert (a.refresh(old[0]), b.refresh(old[1])) == ("db.a.2", "db.b.2")
    assert store.asked == {"db": 2}
    assert secret_store.counts == {"fetched": 1, "reloaded": 1}
    assert told == ["v/x:db"]
    store.version = 3
    assert b.refresh() == "db.b.3", "refused again: this one has never been used"
    assert secret_store.counts["reloaded"] == 2


def test_a_field_that_did_not_change_does_not_reload_the_others(store):
    """By the number of the load, not by the value: `b` may be the same before and after."""
    secret_store = SecretStore(lambda reference: "same" if reference is B else store.resolve(reference), store.forget)
    a, b = secret_store.secret("", [A]), secret_store.secret("", [B])
    a.reveal()
    b.reveal()
    a.refresh()
    assert b.refresh("same") == "same"
    assert secret_store.counts["reloaded"] == 1


def test_one_text_of_two_secrets_reloads_both(store):
    secret_store = store.secret_store()
    secret = secret_store.secret("", [A, "@", OTHER, "/", B])
    assert secret.reveal() == "db.a.1@other.None.1/db.b.1"
    store.version = 2
    assert secret.refresh() == "db.a.2@other.None.2/db.b.2"
    assert secret_store.counts == {"fetched": 2, "reloaded": 2}


def test_whoever_was_refused_earlier_gets_what_another_fetched(store):
    secret = store.secret_store().secret("", [A])
    old = secret.reveal()
    store.version = 2
    assert {secret.refresh(old) for _ in range(8)} == {"db.a.2"}
    assert store.asked == {"db": 2}


def test_many_who_ask_at_once_share_one_reload():
    """Without a word of what was refused. The reload takes until all of them wait for it."""
    callers, reloads = 64, []

    def reload() -> str:
        until = time.monotonic() + 20
        while not reloads and waiting() < callers - 1 and time.monotonic() < until:
            time.sleep(0.01)
        reloads.append(waiting())
        return "v2"

    def waiting() -> int:
        return sum(frame.f_code is Secret.refresh.__code__ for frame in sys._current_frames().values())

    secret = Secret("x", lambda: "v", reload)
    secret.reveal()
    with ThreadPoolExecutor(callers) as pool:
        assert set(pool.map(lambda _: secret.refresh(), range(callers))) == {"v2"}
    assert reloads == [callers - 1]


def test_what_cannot_be_fetched_again_stays_and_is_tried_anew(store):
    secret_store = store.secret_store()
    secret = secret_store.secret("", [A])
    old = secret.reveal()
    store.fails, store.version = True, 2
    with pytest.raises(CredentialsError):
        secret.refresh(old)
    assert (secret.reveal(), secret_store.counts["reloaded"]) == (old, 0)
    store.fails = False
    assert secret.refresh(old) == "db.a.2"
    assert secret_store.counts["reloaded"] == 1


def test_refreshing_what_was_never_revealed_fetches_it_once(store):
    secret = store.secret_store().secret("", [A])
    assert secret.refresh() == "db.a.1"
    assert store.asked == {"db": 1}


def test_threads_fetch_a_secret_once(store):
    secret_store, started = store.secret_store(), threading.Barrier(16)

    def reveal(number: int) -> str:
        started.wait(20)
        return secret_store.secret("", [(A, B)[number % 2]]).reveal()

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(reveal, range(16))) == {"db.a.1": 8, "db.b.1": 8}
    assert store.asked == {"db": 1}
