"""The whole config written out, to be kept with every run."""

from __future__ import annotations

from typing import Any

from querygen_core.config.options import as_written
from querygen_core.config.pipeline import Part, Pipeline
from querygen_core.interpolation import escape


def resolve(pipeline: Pipeline) -> dict[str, Any]:
    """Plain JSON with defaults and environment filled in and secrets as references; loads again to the same."""
    submit = {} if pipeline.submit is None else {"submit": _written(pipeline.submit)}
    return {
        "job_id": escape(pipeline.job_id),
        "input": _written(pipeline.input),
        "preprocessors": [_written(part, name=part.name) for part in pipeline.preprocessors],
        "models": {
            name: _written(model.part, rpm=model.rpm, tpm=model.tpm, concurrency=model.concurrency)
            for name, model in pipeline.models.items()
        },
        "generators": [
            _written(one.part, name=one.part.name, query_type=one.query_type, count=one.count)
            for one in pipeline.generators
        ],
        "postprocessors": [_written(part, name=part.name) for part in pipeline.postprocessors],
        "sinks": [_written(one.part, name=one.part.name, required=one.required) for one in pipeline.sinks],
        "observers": [_written(part, name=part.name) for part in pipeline.observers],
        "journal": _written(pipeline.journal),
        "runtime": as_written(pipeline.runtime),
        "prompts_dir": pipeline.prompts_dir and escape(pipeline.prompts_dir),
        **submit,
    }


def _written(part: Part, **own: Any) -> dict[str, Any]:
    plain = {key: escape(value) if isinstance(value, str) else value for key, value in own.items()}
    return {"use": escape(part.use), **plain, **as_written(part.options)}
