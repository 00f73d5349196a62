"""The plugin `core`: the components that every installation has, declared like those of any other plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from querygen_core.api import (
    Component,
    Context,
    Generator,
    ModelName,
    Options,
    PromptName,
    SecretResolver,
    Storage,
    hookimpl,
)

querygen_api = 1


class PromptOptions(Options):
    prompt: PromptName = Field(description="Prompt to render: its name in `prompts_dir`, or the path of its file.")
    model: ModelName = Field(description="Model to ask: its name under `models`.")
    inputs: Mapping[str, Any] = Field(default={}, description="Values of the inputs that the prompt declares, by name.")


class NoOptions(Options):
    pass


def build_prompt(options: PromptOptions, context: Context) -> Generator:
    from querygen_core.builtin.prompt_generator import PromptGenerator

    return PromptGenerator(options, context)


def build_env(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_core.builtin.secret_resolvers import EnvResolver

    return EnvResolver(context.environ)


def build_file_secret(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_core.builtin.secret_resolvers import FileResolver

    return FileResolver(context)


def build_file_storage(_options: NoOptions, context: Context) -> Storage:
    from querygen_core.builtin.file_storage import FileStorage

    return FileStorage(context)


@hookimpl
def querygen_generators() -> Iterable[Component[PromptOptions, Generator]]:
    return [
        Component(
            "prompt",
            PromptOptions,
            build_prompt,
            "Renders a prompt, asks a model and reads the questions from its answer",
        )
    ]


@hookimpl
def querygen_secrets() -> Iterable[Component[NoOptions, SecretResolver]]:
    return [
        Component("env", NoOptions, build_env, "Reads a secret from an environment variable: `${secret:env:NAME}`"),
        Component(
            "file", NoOptions, build_file_secret, "Reads a secret from a file: `${secret:file:/run/secrets/name}`"
        ),
    ]


@hookimpl
def querygen_storages() -> Iterable[Component[NoOptions, Storage]]:
    return [Component("file", NoOptions, build_file_storage, "Reads local files by path or `file://` URL")]
