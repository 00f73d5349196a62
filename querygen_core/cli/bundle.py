"""The files that `querygen submit` uploads: the resolved config and the prompts it uses, nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from querygen_core.api import PromptRef, Secret
from querygen_core.config import ComponentConfig, Pipeline
from querygen_core.config.interpolation import Variable, pieces
from querygen_core.config.options import leaves, names_in
from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import ConfigError, InputError, MissingInput
from querygen_core.prompts import PromptFile, PromptLibrary, default_directories
from querygen_core.secrets.masking import MASK, mask
from querygen_core.secrets.store import Reference
from querygen_core.strict_yaml.diagnostics import KeyPath, show

CONFIG = "config.json"
_PLAIN = "this secret is in plain text and would be uploaded; replace it by a reference such as ${secret:env:NAME}"
_LIKELY = "looks like a password or key and would be uploaded; remove it, or replace it by ${secret:env:NAME}"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")


def bundle(pipeline: Pipeline) -> tuple[dict[str, bytes], str]:
    """The files to upload by name, the config last, and the config's name. Their folder is named by their hash.

    Raises:
        ConfigError: a secret is written in plain, or a prompt no longer exists.
    """
    if problems := [f"{pipeline.origin}: {show(path)}: {message}" for path, message in _secrets_in_plain(pipeline)]:
        raise ConfigError(problems)
    config: dict[str, Any] = json.loads(json.dumps(pipeline.resolved))
    config.pop("submit", None)  # the image that runs the job need not have the submitter's plugin
    config["prompts_dir"] = None  # every prompt is named by the path of its uploaded file
    texts = _move_prompts(pipeline, config)
    texts[CONFIG] = f"{json.dumps(config, ensure_ascii=False, indent=1)}\n"
    folder = digest(texts)
    files = {f"{folder}/{name}": text.encode() for name, text in texts.items()}
    return files, f"{folder}/{CONFIG}"


def products_of(path: str) -> tuple[str, Path]:
    """The upload name of a products file, and the file. Named by its hash, so that equal content is uploaded once.

    Raises:
        MissingInput: there is no such file.
        InputError: it cannot be read.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            digest_of_file = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise MissingInput(f"{path}: there is no such file") from None
    except (OSError, ValueError) as exc:
        raise InputError(f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}") from None
    return f"products/{digest_of_file}/{_NOT_IN_NAMES.sub('_', file.name)}", file


def _move_prompts(pipeline: Pipeline, config: dict[str, Any]) -> dict[str, str]:
    """The files of all prompts, each prompt in a folder of its own; `config` is changed to name these.

    The folder is named by the prompt's hash, so that a prompt of the same name on the worker is not used instead.
    """
    library = PromptLibrary(default_directories(pipeline.prompts_dir, pipeline.config_dir), pipeline.config_dir)
    texts = {}
    for component_path, component in _components(pipeline):
        for path, name in names_in(component.options, PromptRef):
            prompt = library.load(name)
            folder, main_file = f"prompts/{prompt.hash[:16]}", next(iter(prompt.sources))
            texts.update(_files_of(prompt, folder))
            _set(config, (*component_path, *path), f"{folder}/{main_file}")
    return texts


def _files_of(prompt: PromptFile, folder: str) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in prompt.sources.items()}


def _components(pipeline: Pipeline) -> Iterator[tuple[KeyPath, ComponentConfig]]:
    """Every component except the submitter, with its path in `Pipeline.resolved`."""
    yield ("input",), pipeline.input
    yield from ((("models", name), model.component) for name, model in pipeline.models.items())
    for section, components in {
        "preprocessors": pipeline.preprocessors,
        "generators": [generator.component for generator in pipeline.generators],
        "postprocessors": pipeline.postprocessors,
        "sinks": [sink.component for sink in pipeline.sinks],
        "observers": pipeline.observers,
    }.items():
        yield from (((section, index), component) for index, component in enumerate(components))


def _set(config: Any, path: KeyPath, value: str) -> None:
    for step in path[:-1]:
        config = config[step]
    config[path[-1]] = value


def _secrets_in_plain(pipeline: Pipeline) -> Iterator[tuple[KeyPath, str]]:
    for component_path, component in _components(pipeline):
        for path, leaf in leaves(component.options):
            if isinstance(leaf, Secret) and _is_plain(leaf):
                yield (*component_path, *path), _PLAIN
            elif isinstance(leaf, str) and mask(leaf) != leaf:  # `resolved` does not show it
                yield (*component_path, *path), _LIKELY
    for path, leaf in leaves({key: value for key, value in pipeline.resolved.items() if key != "submit"}):
        # A MASK stands for a secret that is reported above already.
        if isinstance(leaf, str) and leaf != MASK and mask(_literal(leaf)) != _literal(leaf):
            yield path, _LIKELY


def _is_plain(secret: Secret) -> bool:
    """Whether the text itself shows the value. `${NAME:-x}` beside a reference is allowed: it may be a host's name."""
    if secret.reference == MASK:
        return True
    parsed = list(pieces(secret.reference))
    has_default = any(isinstance(piece, Variable) and piece.default for piece in parsed)
    return has_default and not any(isinstance(piece, Reference) for piece in parsed)


def _literal(text: str) -> str:
    """The literal text and the defaults of variables, without secret references."""
    literals = (piece.default if isinstance(piece, Variable) else piece for piece in pieces(text))
    return "".join(literal for literal in literals if isinstance(literal, str))
