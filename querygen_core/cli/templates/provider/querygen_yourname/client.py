from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from querygen_core.api import Capabilities, ProviderError, Request, Response, Usage

from querygen_yourname import ModelOptions

_FINISHES: Mapping[object, Literal["stop", "length", "blocked"]] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "blocked",
}


class Client:
    def __init__(self, options: ModelOptions) -> None:
        # With `price=Price(...)` querygen knows what a call costs, reports it and keeps to `max_cost`.
        self.capabilities = Capabilities(max_output_tokens=options.max_output_tokens)
        self.limit_key = f"yourname/{options.model}"
        self._options = options
        self._threads = ThreadPoolExecutor(64, thread_name_prefix="yourname")

    async def complete(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        return _response(
            await loop.run_in_executor(self._threads, self._post, self._body(request))
        )

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _body(self, request: Request) -> bytes:
        body: dict[str, Any] = {
            "model": self._options.model,
            "max_completion_tokens": self._options.max_output_tokens,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.prompt},
            ],
        }
        if request.schema is not None:
            schema = {"name": "answer", "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return json.dumps(body).encode()

    def _post(self, body: bytes) -> Any:
        url = f"{self._options.base_url}/chat/completions"
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._options.api_key.reveal()}",
        }
        try:
            with urlopen(
                HttpRequest(url, body, headers), timeout=self._options.timeout
            ) as reply:
                return json.load(reply)
        except HTTPError as exc:
            exc.close()
            error = _refusal(exc.code, exc.headers.get("Retry-After"))
        except ValueError:
            error = ProviderError("bad_answer", "the answer is not JSON")
        except URLError as exc:
            error = ProviderError("retry", f"cannot reach the API: {exc.reason}")
        except (OSError, HTTPException) as exc:
            # The request was sent and no answer came: the call may have been paid for.
            error = ProviderError(
                "retry",
                f"the connection broke: {type(exc).__name__}",
                indeterminate=True,
            )
        # Raised outside of the `except` blocks, so that no exception that holds the request, and the key, is attached.
        raise error


def _response(answer: Any) -> Response:
    try:
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        return Response(
            text=choice["message"]["content"] or "",
            finish=_FINISHES.get(choice["finish_reason"], "other"),
            model_version=str(answer.get("model", "")),
            usage=Usage(
                input=usage.get("prompt_tokens"), output=usage.get("completion_tokens")
            ),
        )
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ProviderError(
            "bad_answer", "the answer is not a chat completion"
        ) from None


def _refusal(status: int, retry_after: str | None) -> ProviderError:
    """What a status means to querygen: `auth` and `quota` end the run, `retry` and `throttled` are sent again."""
    message = f"the API answered with HTTP status {status}"
    if status in {401, 403}:
        return ProviderError("auth", message)
    if status == 402:
        return ProviderError("quota", message)
    if status == 429:
        seconds = (
            float(retry_after) if retry_after and retry_after.isdecimal() else None
        )
        return ProviderError("throttled", message, retry_after=seconds)
    if status == 408 or status >= 500:
        return ProviderError("retry", message)
    return ProviderError("bad_request", message)
