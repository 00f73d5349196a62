"""Catalogue files in, query files out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from querygen_core.api import Component, Context, Input, Observer, Sink, SnapshotSink, hookimpl
from querygen_files.options import AutoOptions, CatalogueOptions
from querygen_files.outputs import FactsOptions, SnapshotOptions

querygen_api = 1


def build_catalogue(options: CatalogueOptions, context: Context) -> Input:
    from querygen_files.catalogue import Catalogue

    return Catalogue(options, context)


def build_auto(options: AutoOptions, context: Context) -> Input:
    from querygen_files.auto import Auto

    return Auto(options, context)


@hookimpl
def querygen_inputs() -> Iterable[Component[Any, Input]]:
    return (
        Component(
            "catalogue",
            CatalogueOptions,
            build_catalogue,
            "a catalogue file: CSV, TSV, JSON, JSONL, YAML, XML feed, each also with gzip",
        ),
        Component(
            "auto",
            AutoOptions,
            build_auto,
            "PRODUCTS_JSON, then INPUT_S3_BUCKET and INPUT_S3_KEY, then --products-file, then --product",
        ),
    )


def build_jsonl(options: SnapshotOptions, context: Context) -> SnapshotSink:
    from querygen_core.formats import JsonLines
    from querygen_files.snapshot import Snapshot
    from querygen_files.target import Target

    return Snapshot(Target(options.path, context.shard), lambda: JsonLines(context.job_id), context.log)


def build_json(options: SnapshotOptions, context: Context) -> SnapshotSink:
    from querygen_core.formats import Document
    from querygen_files.snapshot import Snapshot
    from querygen_files.target import Target

    return Snapshot(Target(options.path, context.shard), lambda: Document(context.job_id), context.log)


def build_facts(options: FactsOptions, context: Context) -> Observer:
    from querygen_files.facts import FactsFile
    from querygen_files.target import Target

    return FactsFile(Target(options.path, context.shard))


@hookimpl
def querygen_sinks() -> Iterable[Component[Any, Sink]]:
    return (
        Component("jsonl", SnapshotOptions, build_jsonl, "all queries of a job in one file, one a line"),
        Component("json", SnapshotOptions, build_json, "all products of a job in one document, with a summary"),
    )


@hookimpl
def querygen_observers() -> Iterable[Component[Any, Observer]]:
    return (Component("facts", FactsOptions, build_facts, "what happened, as JSON lines in a file"),)
