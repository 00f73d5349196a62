"""Reads products from PostgreSQL and writes queries into it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from querygen_core.api import Component, Context, Input, Preprocessor, Sink, hookimpl
from querygen_postgres.options import JobProductsOptions, QueriesOptions, SourceOptions

querygen_api = 1


def build_source(options: SourceOptions, context: Context) -> Input:
    from querygen_postgres.source import JobSource

    return JobSource(options, context)


@hookimpl
def querygen_inputs() -> Iterable[Component[SourceOptions, Input]]:
    summary = "Reads the products that `jobselectedproducts` selects for the job"
    return [Component("job-products", SourceOptions, build_source, summary)]


def build_job_products(options: JobProductsOptions, context: Context) -> Preprocessor:
    from querygen_postgres.selection import JobProducts

    return JobProducts(options, context)


@hookimpl
def querygen_preprocessors() -> Iterable[Component[Any, Preprocessor]]:
    summary = "Finds each product's row in `products`, or creates it"
    return [Component("job-products", JobProductsOptions, build_job_products, summary)]


def build_queries(options: QueriesOptions, context: Context) -> Sink:
    from querygen_postgres.sink import QueriesSink

    return QueriesSink(options, context)


@hookimpl
def querygen_sinks() -> Iterable[Component[QueriesOptions, Sink]]:
    summary = "Writes a job's queries to the table `queries`, each once"
    return [Component("queries", QueriesOptions, build_queries, summary)]
