"""For the tests of plugins: a contract for every kind of component, test doubles, and sample records.

A contract is a class of tests. Subclass it in a test module, say how your component is built, and pytest runs them:

    from querygen_core.testing import ProviderContract, context

    class TestModel(ProviderContract):
        def provider(self):
            return build_model(ModelOptions(), context(self.folder))

Override a method marked "Optional" to run further tests. `querygen plugins new NAME --kind KIND` writes such a test.

`InProcessJob` runs a whole job with a component of yours and doubles for the others: `ScriptedProvider`, `ListInput`,
`MemorySink`, `MemorySnapshotSink`, `RecordingObserver`. `FakeAsk` stands for the model of a generator or postprocessor,
`HttpServer` for the API of a provider. `pip install 'querygen[testing]'` brings pytest. The fixtures of
`querygen_core.testing.isolation` keep tests apart from the machine and from each other.
"""

# ruff: noqa: E402 - the contracts' assertions show both sides only if pytest knows the modules before they are imported

from __future__ import annotations

import pkgutil

import pytest

pytest.register_assert_rewrite(*(module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")))

from querygen_core.testing.ask import FakeAsk
from querygen_core.testing.doubles import (
    AskingGenerator,
    ListInput,
    MemorySink,
    MemorySnapshotSink,
    RecordingObserver,
    ScriptedProvider,
    questions,
    three_questions,
)
from querygen_core.testing.generator import GeneratorContract
from querygen_core.testing.http_provider import HttpProviderContract
from querygen_core.testing.http_server import HttpCall, HttpReply, HttpServer
from querygen_core.testing.input import InputContract
from querygen_core.testing.job import InProcessJob
from querygen_core.testing.object_store import ObjectStoreContract
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
    "HOSTILE",
    "UNSTORABLE",
    "AskingGenerator",
    "FakeAsk",
    "GeneratorContract",
    "HttpCall",
    "HttpProviderContract",
    "HttpReply",
    "HttpServer",
    "InProcessJob",
    "InputContract",
    "ListInput",
    "MemorySink",
    "MemorySnapshotSink",
    "ObjectStoreContract",
    "ObserverContract",
    "PluginContract",
    "PostprocessorContract",
    "PreprocessorContract",
    "ProviderContract",
    "RecordingObserver",
    "ScriptedProvider",
    "SecretResolverContract",
    "SinkContract",
    "StorageContract",
    "SubmitterContract",
    "context",
    "outcome",
    "product",
    "query",
    "questions",
    "reject",
    "request",
    "response",
    "three_questions",
]
