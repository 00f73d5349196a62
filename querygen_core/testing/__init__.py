"""For the tests of plugins: a contract for every kind of component, and what is needed to call one.

A contract is a class of tests. Subclass it in a test module, say how your component is built, and pytest runs them:

    from querygen_core.testing import ProviderContract, context

    class TestModel(ProviderContract):
        def provider(self):
            return build_model(ModelOptions(), context(self.folder))

Methods marked "Optional" open further tests. `pip install 'querygen[testing]'` brings pytest.
"""

# ruff: noqa: E402 - the contracts' assertions show both sides only if pytest hears of the modules before their import

from __future__ import annotations

import pkgutil

import pytest

pytest.register_assert_rewrite(*(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")))

from querygen_core.testing.ask import FakeAsk
from querygen_core.testing.generator import GeneratorContract
from querygen_core.testing.input import InputContract
from querygen_core.testing.journal import JournalContract
from querygen_core.testing.observer import ObserverContract
from querygen_core.testing.plugin import PluginContract
from querygen_core.testing.postprocessor import PostprocessorContract
from querygen_core.testing.preprocessor import PreprocessorContract
from querygen_core.testing.provider import ProviderContract
from querygen_core.testing.samples import (
    HOSTILE,
    UNSTORABLE,
    context,
    outcome,
    product,
    query,
    reject,
    request,
    response,
)
from querygen_core.testing.secret import SecretResolverContract
from querygen_core.testing.sink import SinkContract
from querygen_core.testing.storage import StorageContract
from querygen_core.testing.submitter import SubmitterContract

__all__ = [
    "HOSTILE", "UNSTORABLE", "FakeAsk", "GeneratorContract", "InputContract", "JournalContract", "ObserverContract",
    "PluginContract", "PostprocessorContract", "PreprocessorContract", "ProviderContract", "SecretResolverContract",
    "SinkContract", "StorageContract", "SubmitterContract", "context", "outcome", "product", "query", "reject",
    "request", "response",
]  # fmt: skip
