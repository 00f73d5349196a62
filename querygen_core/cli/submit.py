"""Have a job run elsewhere: choose who does it, send what it needs, and watch if asked to."""

from __future__ import annotations

import argparse
import json
import logging
import shlex
from dataclasses import asdict, replace
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from querygen_core.api import PARTITIONS, Order, Submission, Submitter
from querygen_core.cli.bundle import bundle, products_of
from querygen_core.cli.check import with_parts
from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import show
from querygen_core.cli.run import with_auto_input
from querygen_core.cli.watch import Watched, watch
from querygen_core.config import Part
from querygen_core.declarations import Registered
from querygen_core.engine.build import Builder
from querygen_core.errors import ConfigError, Exit, UsageError
from querygen_core.logs import configure, printable
from querygen_core.registry import Registry

log = logging.getLogger("querygen.submit")

_NONE = "no installed plugin runs jobs elsewhere; for AWS Batch: pip install 'querygen[aws]'"
_ON_ONE_DISK = "core/sqlite"


def submit(arguments: argparse.Namespace) -> int:
    configure(arguments.log_level, arguments.log_format)
    if arguments.shards > PARTITIONS:
        raise UsageError(f"--shards {arguments.shards}: a job has at most {PARTITIONS} shards")
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set, job_id=arguments.job_id))
    part = loaded.pipeline.submit or _only_submitter(loaded.registry)
    order = _order(arguments, loaded)
    if loaded.pipeline.journal.use == _ON_ONE_DISK:
        log.warning("a journal of core/sqlite goes with its machine, answers and all, unless its disk stays")

    async def work(builder: Builder) -> tuple[Submission, Watched | None]:
        submitter: Submitter = builder.build(part)
        submission = await submitter.submit(order)
        log.info("%s took job %s as %s", part.use, order.job_id, submission.id)
        return submission, await watch(submitter, submission) if arguments.watch else None

    with TemporaryDirectory(prefix="querygen-submit-") as folder:
        submission, watched = with_parts(_with_state_in(folder, loaded), work)
    _tell(arguments, order, submission, watched)
    return Exit.DONE if watched is None else watched.exit_code


def _with_state_in(folder: str, loaded: Loaded) -> Loaded:
    """The config's own folder for state is meant for where the job runs; here there may be no such place."""
    runtime = loaded.pipeline.runtime.model_copy(update={"state_dir": folder})
    return replace(loaded, pipeline=replace(loaded.pipeline, runtime=runtime))


def _order(arguments: argparse.Namespace, loaded: Loaded) -> Order:
    """Raises ConfigError if something secret would be sent."""
    files: dict[str, Any] = {}
    products = arguments.products_file
    if products is not None and "://" not in products:
        products, file = products_of(products)
        files[products] = file
    more, config = bundle(loaded.pipeline)
    return Order(
        job_id=loaded.pipeline.job_id, shards=arguments.shards, size=arguments.size, files={**files, **more},
        config=config, products=products,
    )  # fmt: skip


def _only_submitter(registry: Registry) -> Part:
    """The one that is installed, with its default options.

    Raises:
        ConfigError: there is none, or several, or it has to be told something.
    """
    found = [one for one in registry.sound_components() if one.kind == "submitter"]
    if not found:
        raise ConfigError(_NONE)
    if len(found) > 1:
        uses = ", ".join(one.use for one in found)
        raise ConfigError(f"several plugins could run it: {uses}; choose one: --set submit.use={found[0].use}")
    return _with_defaults(found[0])


def _with_defaults(registered: Registered) -> Part:
    try:
        options = registered.component.options()
    except ValidationError as exc:
        lacking = ", ".join(str(error["loc"][0]) for error in exc.errors())
        one, use = lacking.partition(",")[0], registered.use
        message = f"{use} has to know: {lacking}; add `submit: {{use: {use}, {one}: …}}` to the config"
        raise ConfigError(f"{message}, or --set submit.use={use} --set submit.{one}=…") from None
    return Part(registered.use, registered.use, "submitter", options, registered, "submit")


def _tell(arguments: argparse.Namespace, order: Order, submission: Submission, watched: Watched | None) -> None:
    config = f"{submission.place}{order.config}"
    follow = [*submission.follow, shlex.join(["querygen", "report", "--config", config, "--", order.job_id])]
    if arguments.json:
        told = {
            "job_id": order.job_id, "id": submission.id, "report_id": submission.report_id, "shards": order.shards,
            "size": order.size, "config": config, "follow": follow,
        }  # fmt: skip
        ended = {} if watched is None else {"exit_code": watched.exit_code, **asdict(watched.progress)}
        show(json.dumps({**told, **ended}, ensure_ascii=False))
        return
    shards = "1 shard" if order.shards == 1 else f"{order.shards} shards"
    show(f"Job {printable(order.job_id)} in {shards}: {submission.id}, then its report: {submission.report_id}")
    show("\n".join(["Follow it:", *(f"  {printable(line)}" for line in follow)]))
