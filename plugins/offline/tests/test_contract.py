from __future__ import annotations

from querygen_core.api import Provider, Request
from querygen_core.testing import PluginContract, ProviderContract, context
from querygen_core.testing.samples import request
from querygen_offline import build_model
from querygen_offline.options import OfflineOptions


class TestPlugin(PluginContract):
    package = "querygen_offline"


class TestModel(ProviderContract):
    def provider(self) -> Provider:
        return build_model(OfflineOptions(), context(self.folder))

    def failing(self) -> tuple[Provider, Request]:
        return build_model(OfflineOptions(errors=1), context(self.folder)), request()


class TestSlowModel(TestModel):
    """With a latency there is something to cancel."""

    def provider(self) -> Provider:
        return build_model(OfflineOptions(latency_ms=5, duplicates=0.2, numbering=0.2, leaks=0.2), context(self.folder))
