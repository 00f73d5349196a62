"""The plugin `core`: what is always there, declared like any other plugin's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from querygen_core.api import (
    Component,
    Context,
    Generator,
    Journal,
    ModelName,
    Options,
    PromptName,
    SecretResolver,
    Storage,
    hookimpl,
)

querygen_api = 1


class PromptOptions(Options):
    prompt: PromptName = Field(description="Name of a prompt in prompts_dir, or the path of a prompt file.")
    model: ModelName = Field(description="Name of an entry under models.")
    inputs: Mapping[str, Any] = Field(default={}, description="Values for the inputs that the prompt declares.")


class NoOptions(Options):
    pass


def build_prompt(options: PromptOptions, context: Context) -> Generator:
    from querygen_core.generator import PromptGenerator

    return PromptGenerator(options, context)


def build_sqlite(_options: NoOptions, context: Context) -> Journal:
    from querygen_core.journal.sqlite import SqliteJournal

    return SqliteJournal(context)


def build_env(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_core.resolvers import EnvResolver

    return EnvResolver(context.environ)


def build_file_secret(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_core.resolvers import FileResolver

    return FileResolver(context)


def build_file_storage(_options: NoOptions, context: Context) -> Storage:
    from querygen_core.storages import FileStorage

    return FileStorage(context)


@hookimpl
def querygen_generators() -> Iterable[Component[PromptOptions, Generator]]:
    return [Component("prompt", PromptOptions, build_prompt, "Renders a prompt, asks a model, reads the answer.")]


@hookimpl
def querygen_journals() -> Iterable[Component[NoOptions, Journal]]:
    return [Component("sqlite", NoOptions, build_sqlite, "One SQLite file in the job's state folder.")]


@hookimpl
def querygen_secrets() -> Iterable[Component[NoOptions, SecretResolver]]:
    return [
        Component("env", NoOptions, build_env, "An environment variable: ${secret:env:NAME}."),
        Component("file", NoOptions, build_file_secret, "A file: ${secret:file:/run/secrets/name}."),
    ]


@hookimpl
def querygen_storages() -> Iterable[Component[NoOptions, Storage]]:
    return [Component("file", NoOptions, build_file_storage, "Local files, by path or file:// URL.")]
