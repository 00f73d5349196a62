"""`querygen submit`: sends a job's config, prompts and products to a submitter, which runs it on other machines."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
from dataclasses import asdict, replace
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from querygen_core.api import JobSpec, Submission
from querygen_core.cli.bundle import bundle, products_of
from querygen_core.cli.check import with_builder
from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import OutputError, configure_logs, print_result, report_error
from querygen_core.cli.run import with_auto_input
from querygen_core.cli.watch import Watched, watch
from querygen_core.config import ComponentConfig
from querygen_core.contracts.errors import ConfigError, Exit
from querygen_core.engine.build import Builder
from querygen_core.engine.shards import check_shards
from querygen_core.logs import printable
from querygen_core.registry import Registered, Registry
from querygen_core.registry.kinds import SUBMITTER

log = logging.getLogger("querygen.submit")

_NO_SUBMITTER = "no installed plugin can submit jobs; for AWS Batch: pip install 'querygen[aws]'"


def submit(arguments: argparse.Namespace) -> int:
    configure_logs(arguments)
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set, job_id=arguments.job_id))
    check_shards(arguments.shards, loaded.pipeline.runtime.partitions)
    component = loaded.pipeline.submit or _only_submitter(loaded.registry)
    job_spec = _job_spec(arguments, loaded)
    if loaded.pipeline.journal.url is None:
        log.warning(
            "without journal.url, paid answers are stored on the worker's disk and are lost with it; set it to a "
            "folder that all workers reach, such as s3://bucket/journal/"
        )

    async def work(builder: Builder) -> tuple[Submission, Watched | None]:
        submitter = builder.build(component, SUBMITTER)
        with submitter.guard:
            submission = await submitter.instance.submit(job_spec)
        log.info("%s accepted job %s as %s", component.use, job_spec.job_id, submission.id)
        return submission, await watch(submitter, submission) if arguments.watch else None

    with TemporaryDirectory(prefix="querygen-submit-") as folder:
        submission, watched = with_builder(_with_state_dir(folder, loaded), work)
    try:
        _print_submission(arguments, job_spec, submission, watched)
    except OutputError as exc:  # the job is submitted, and must not be once more
        report_error(exc)
    return Exit.DONE if watched is None else watched.exit_code


def _with_state_dir(folder: str, loaded: Loaded) -> Loaded:
    """Use `folder` for state, because the config's own folder is meant for the machines that run the job."""
    runtime = loaded.pipeline.runtime.model_copy(update={"state_dir": folder})
    return replace(loaded, pipeline=replace(loaded.pipeline, runtime=runtime))


def _job_spec(arguments: argparse.Namespace, loaded: Loaded) -> JobSpec:
    """What the submitter needs to know and send. Raises ConfigError if a secret would be uploaded in plain."""
    files: dict[str, Any] = {}
    products = arguments.products_file
    if products is not None and "://" not in products:
        products, file = products_of(products)
        files[products] = file
    bundled, config = bundle(loaded.pipeline)
    return JobSpec(
        job_id=loaded.pipeline.job_id,
        shards=arguments.shards,
        size=arguments.size,
        files={**files, **bundled},
        config=config,
        products=products,
    )


def _only_submitter(registry: Registry) -> ComponentConfig:
    """The only submitter installed, with its default options.

    Raises:
        ConfigError: there is none, or several, or it has a required option.
    """
    submitters = [registered for registered in registry.sound_components() if registered.kind == "submitter"]
    if not submitters:
        raise ConfigError(_NO_SUBMITTER)
    if len(submitters) > 1:
        uses = ", ".join(registered.use for registered in submitters)
        raise ConfigError(f"several submitters are installed: {uses}; choose one: --set submit.use={submitters[0].use}")
    return _with_defaults(submitters[0])


def _with_defaults(registered: Registered) -> ComponentConfig:
    try:
        options = registered.component.options()
    except ValidationError as exc:
        missing = [str(error["loc"][0]) for error in exc.errors()]
        first, use = missing[0], registered.use
        message = f"{use} needs options: {', '.join(missing)}; add `submit: {{use: {use}, {first}: …}}` to the config"
        raise ConfigError(f"{message}, or pass --set submit.use={use} --set submit.{first}=…") from None
    return ComponentConfig(registered.use, registered.use, "submitter", options, registered, "submit")


def _print_submission(
    arguments: argparse.Namespace, job_spec: JobSpec, submission: Submission, watched: Watched | None
) -> None:
    config = f"{submission.place}{job_spec.config}"
    follow = [*submission.follow, shlex.join(["querygen", "report", config, f"--job-id={job_spec.job_id}"])]
    if arguments.json:
        submitted = {
            "job_id": job_spec.job_id,
            "id": submission.id,
            "report_id": submission.report_id,
            "shards": job_spec.shards,
            "size": job_spec.size,
            "config": config,
            "follow": follow,
        }
        ended = {} if watched is None else {"exit_code": watched.exit_code, **asdict(watched.progress)}
        print_result(json.dumps({**submitted, **ended}, ensure_ascii=False))
        return
    shards = "1 shard" if job_spec.shards == 1 else f"{job_spec.shards} shards"
    print_result(f"Job {printable(job_spec.job_id)} in {shards}: {submission.id}, report: {submission.report_id}")
    print_result("\n".join(["Follow it with:", *(f"  {printable(line)}" for line in follow)]))
