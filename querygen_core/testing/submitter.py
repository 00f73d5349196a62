from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from querygen_core.api import JobSpec, QuerygenError, Submission, Submitter
from querygen_core.testing.contract import Contract

_CONFIG = "4711/config.json"


class SubmitterContract(Contract):
    """Checks that a submitter sends the files of a job unchanged and once, and takes a job again."""

    def submitter(self, folder: Path) -> Submitter:
        raise NotImplementedError

    def stored(self) -> Mapping[str, bytes]:
        """URL and content of every file that submitters for `self.folder` have sent."""
        raise NotImplementedError

    def lost(self) -> Submitter:
        """Optional: a submitter that sends to a place that does not exist."""
        pytest.skip("lost() is not given")

    def order(self, *, shards: int = 2, job_id: str = "a job/ü") -> JobSpec:
        products = self.folder / "products.jsonl"
        products.write_bytes(b'{"id": 1}\n')
        files: dict[str, bytes | Path] = {
            "products/4712/products.jsonl": products,
            "4711/prompts/a.j2": "é".encode(),
            _CONFIG: b"{}\n",
        }
        return JobSpec(
            job_id=job_id,
            shards=shards,
            size="small",
            files=files,
            config=_CONFIG,
            products="products/4712/products.jsonl",
        )

    def submitted(self, order: JobSpec) -> tuple[Submitter, Submission]:
        submitter = self.closed_later(self.submitter(self.folder))
        return submitter, asyncio.run(submitter.submit(order))

    @pytest.mark.parametrize("shards", [1, 2, 64])
    def test_sends_all_and_nothing_else(self, shards: int) -> None:
        order = self.order(shards=shards)
        _, submission = self.submitted(order)
        assert submission.place.endswith("/"), "place must end with a slash: names are appended to it"
        sent = {
            f"{submission.place}{name}": content if isinstance(content, bytes) else content.read_bytes()
            for name, content in order.files.items()
        }
        assert dict(self.stored()) == sent, "the files that were sent differ from the job's files"
        assert all(word in sent for word in order.run(submission.place) if "://" in word), (
            "a command names a URL that was not sent"
        )

    def test_takes_the_same_order_again(self) -> None:
        """A job that is submitted again resumes."""
        _, first = self.submitted(self.order())
        before = dict(self.stored())
        _, second = self.submitted(self.order())
        assert self.stored() == before, "the second submission sent different files"
        assert second.place == first.place, "the second submission has a different place"
        assert second.id != first.id, "two submissions have the same id"

    def test_any_job_id_will_do(self) -> None:
        ids = ["-rf /", "x" * 255, "…" * 255, "a\\b'c\"$(d)", "Ref::e"]
        submission_ids = [self.submitted(self.order(job_id=job_id))[1].id for job_id in ids]
        assert len(set(submission_ids)) == len(ids), "two submissions have the same id"

    def test_a_missing_place_is_a_clear_error(self) -> None:
        with pytest.raises(QuerygenError):
            asyncio.run(self.closed_later(self.lost()).submit(self.order()))
