from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from querygen_core.api import Answer, Request
from querygen_core.contracts.canonical import canonical_json, digest
from querygen_core.testing.samples import response


class FakeAsk:
    """An `Ask` that answers from a script. The same request gets the same answer again, as it would from the journal.

    answers: a function of the request, or the answers in turn. An answer is the value that the request's schema asks
    for (or text), a whole `Answer`, or an exception, which is raised.
    requests: the requests so far, in order, without repeats.
    """

    def __init__(self, answers: Callable[[Request], Any] | Sequence[Any] = ()) -> None:
        self.requests: list[Request] = []
        self._answers = answers
        self._given: dict[str, Any] = {}

    async def __call__(self, request: Request) -> Answer:
        key = digest(request)
        from_journal = key in self._given
        if not from_journal:
            self._given[key] = self._next(request)
            self.requests.append(request)
        given = self._given[key]
        if isinstance(given, BaseException):
            raise given
        if isinstance(given, Answer):
            return given
        return Answer(
            value=given,
            rung="parsed",
            whole=True,
            response=response(given if isinstance(given, str) else canonical_json(given)),
            request_key=key,
            provider="test/model",
            model=request.model,
            from_journal=from_journal,
        )

    def _next(self, request: Request) -> Any:
        if callable(self._answers):
            return self._answers(request)
        if len(self.requests) == len(self._answers):
            raise AssertionError(
                f"FakeAsk has only {len(self._answers)} answers and was asked once more:\n{request.prompt}"
            )
        return self._answers[len(self.requests)]
