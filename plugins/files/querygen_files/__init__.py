"""Reads catalogue files, writes query files and event files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from querygen_core.api import Component, Context, Input, Observer, Sink, SnapshotSink, hookimpl
from querygen_files.options import AutoOptions, CatalogueOptions, EventsOptions, SnapshotOptions

if TYPE_CHECKING:
    from querygen_files.snapshot import Format

querygen_api = 1


def build_catalogue(options: CatalogueOptions, context: Context) -> Input:
    from querygen_files.catalogue import Catalogue

    return Catalogue(options, context)


def build_auto(options: AutoOptions, context: Context) -> Input:
    from querygen_files.auto import AutoInput

    return AutoInput(options, context)


@hookimpl
def querygen_inputs() -> Iterable[Component[Any, Input]]:
    return (
        Component(
            "catalogue",
            CatalogueOptions,
            build_catalogue,
            "Reads a catalogue file: CSV, TSV, JSON, JSONL, YAML or an XML feed, also with gzip",
        ),
        Component(
            "auto",
            AutoOptions,
            build_auto,
            "Reads products from PRODUCTS_JSON, INPUT_S3_BUCKET and INPUT_S3_KEY, --products-file or --product",
        ),
    )


def build_jsonl(options: SnapshotOptions, context: Context) -> SnapshotSink:
    from querygen_core.formats import JsonLines

    return _snapshot(options, context, lambda: JsonLines(context.job_id))


def build_json(options: SnapshotOptions, context: Context) -> SnapshotSink:
    from querygen_core.formats import Document

    return _snapshot(options, context, lambda: Document(context.job_id))


def _snapshot(options: SnapshotOptions, context: Context, text: Callable[[], Format]) -> SnapshotSink:
    from querygen_files.output_file import OutputFile
    from querygen_files.ownership import Ownership
    from querygen_files.snapshot import Snapshot

    target = OutputFile(options.path, context.shard, sample=context.sample)
    ownership = Ownership(None if context.sample else context.job_id, replace=options.replace)
    return Snapshot(target, text, ownership, context.log, context.fence)


def build_events(options: EventsOptions, context: Context) -> Observer:
    from querygen_files.events import EventsFile
    from querygen_files.output_file import OutputFile

    return EventsFile(OutputFile(options.path, context.shard))


@hookimpl
def querygen_sinks() -> Iterable[Component[Any, Sink]]:
    return (
        Component("jsonl", SnapshotOptions, build_jsonl, "Writes all queries of a job to one JSONL file"),
        Component(
            "json", SnapshotOptions, build_json, "Writes all products of a job to one JSON document with a summary"
        ),
    )


@hookimpl
def querygen_observers() -> Iterable[Component[Any, Observer]]:
    return (Component("events", EventsOptions, build_events, "Appends all events of a run to a JSONL file"),)
