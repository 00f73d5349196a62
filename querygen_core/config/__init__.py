"""From a YAML file to a `Pipeline`."""

from querygen_core.config.extras import extras
from querygen_core.config.loading import load_pipeline, load_pipeline_from
from querygen_core.config.options import fingerprint, identity_of_model
from querygen_core.config.pipeline import GeneratorPart, ModelPart, Part, Pipeline, SinkPart
from querygen_core.config.settings import Runtime

__all__ = [
    "GeneratorPart",
    "ModelPart",
    "Part",
    "Pipeline",
    "Runtime",
    "SinkPart",
    "extras",
    "fingerprint",
    "identity_of_model",
    "load_pipeline",
    "load_pipeline_from",
]
