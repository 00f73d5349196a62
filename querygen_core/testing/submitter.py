from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from querygen_core.api import Order, QuerygenError, Submission, Submitter
from querygen_core.testing.contract import Contract

_CONFIG = "4711/config.json"


class SubmitterContract(Contract):
    """A submitter sends what an order holds, as it is and once, and then tells how it goes until the end."""

    def submitter(self, folder: Path) -> Submitter:
        raise NotImplementedError

    def stored(self) -> Mapping[str, bytes]:
        """All that it has sent so far from `self.folder`: URL and content."""
        raise NotImplementedError

    def lost(self) -> Submitter:
        """Optional: one that sends to a place that is not there."""
        pytest.skip("it has no place that could be missing")

    def order(self, *, shards: int = 2, job_id: str = "a job/ü") -> Order:
        products = self.folder / "products.jsonl"
        products.write_bytes(b'{"id": 1}\n')
        files: dict[str, bytes | Path] = {
            "products/4712/products.jsonl": products, "4711/prompts/a.j2": "é".encode(), _CONFIG: b"{}\n",
        }  # fmt: skip
        return Order(
            job_id=job_id, shards=shards, size="small", files=files, config=_CONFIG,
            products="products/4712/products.jsonl",
        )  # fmt: skip

    def submitted(self, order: Order) -> tuple[Submitter, Submission]:
        submitter = self.closed_later(self.submitter(self.folder))
        return submitter, asyncio.run(submitter.submit(order))

    @pytest.mark.parametrize("shards", [1, 2, 64])
    def test_sends_all_and_nothing_else(self, shards: int) -> None:
        order = self.order(shards=shards)
        _, submission = self.submitted(order)
        assert submission.place.endswith("/"), "names are put behind it"
        sent = {
            f"{submission.place}{name}": content if isinstance(content, bytes) else content.read_bytes()
            for name, content in order.files.items()
        }
        assert dict(self.stored()) == sent
        assert all(word in sent for word in order.run(submission.place) if "://" in word), "no shard would find it"

    def test_takes_the_same_order_again(self) -> None:
        """A job goes on where it was when it is submitted anew."""
        _, first = self.submitted(self.order())
        before = dict(self.stored())
        _, second = self.submitted(self.order())
        assert self.stored() == before
        assert (second.place, second.id != first.id) == (first.place, True)

    def test_any_job_id_will_do(self) -> None:
        ids = ["-rf /", "x" * 255, "…" * 255, "a\\b'c\"$(d)", "Ref::e"]
        found = [self.submitted(self.order(job_id=job_id))[1].id for job_id in ids]
        assert len(set(found)) == len(ids)

    def test_a_missing_place_is_a_clear_error(self) -> None:
        with pytest.raises(QuerygenError):
            asyncio.run(self.closed_later(self.lost()).submit(self.order()))
