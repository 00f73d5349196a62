"""`offline/model`, but every answer that leaves it is counted in a file: what a real provider would put on the bill."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field

from querygen_core.api import Component, hookimpl
from querygen_offline.model import OfflineModel
from querygen_offline.options import OfflineOptions

querygen_api = 1


class CountedOptions(OfflineOptions):
    not_in_key = OfflineOptions.not_in_key | {"bill"}

    bill: str = Field(description="A file that grows by one byte for each answer.")


class CountedModel(OfflineModel):
    def __init__(self, options: CountedOptions) -> None:
        super().__init__(options)
        self._bill = os.open(options.bill, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    async def complete(self, request: Any) -> Any:
        response = await super().complete(request)
        os.write(self._bill, b"x")
        return response


@hookimpl
def querygen_providers() -> Any:
    return [Component("model", CountedOptions, lambda options, _context: CountedModel(options), "Counts its answers.")]
