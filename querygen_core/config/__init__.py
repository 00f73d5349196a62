"""Loads a YAML config and validates it into a `Pipeline`."""

from querygen_core.config.extras import extras
from querygen_core.config.interpolation import references_in
from querygen_core.config.late_options import revealed
from querygen_core.config.loading import load_pipeline, load_pipeline_from
from querygen_core.config.models import Journal, Runtime
from querygen_core.config.options import fingerprint, identity_of_model, names_in
from querygen_core.config.pipeline import (
    ComponentConfig,
    GeneratorConfig,
    ModelConfig,
    Pipeline,
    SinkConfig,
    with_spare,
)

__all__ = [
    "ComponentConfig",
    "GeneratorConfig",
    "Journal",
    "ModelConfig",
    "Pipeline",
    "Runtime",
    "SinkConfig",
    "extras",
    "fingerprint",
    "identity_of_model",
    "load_pipeline",
    "load_pipeline_from",
    "names_in",
    "references_in",
    "revealed",
    "with_spare",
]
