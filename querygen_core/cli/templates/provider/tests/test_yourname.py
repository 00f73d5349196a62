from __future__ import annotations

from typing import Any

from querygen_core.api import Provider, Secret
from querygen_core.testing import HttpProviderContract, PluginContract, context

from querygen_yourname import ModelOptions, build_model


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestModel(HttpProviderContract):
    secret = "key-for-the-tests"

    def provider_at(self, url: str, timeout: float) -> Provider:
        options = ModelOptions(
            model="m-1",
            api_key=Secret.plain(self.secret),
            base_url=url,
            timeout=timeout,
        )
        return build_model(options, context(self.folder))

    def body(self, text: str) -> dict[str, Any]:
        """What the API answers when the model says `text`."""
        choice = {
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        usage = {"prompt_tokens": 100, "completion_tokens": 20}
        return {"model": "m-1-0001", "choices": [choice], "usage": usage}
