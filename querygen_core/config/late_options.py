"""Secrets in options that are plain text, such as a proxy's address: kept as references, revealed when a component is
built, and only then validated, since checking a config fetches no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError, create_model

from querygen_core.api import ModelRef, Options, PromptRef
from querygen_core.config.options import key_of, leaves, mentions
from querygen_core.config.pipeline import ComponentConfig
from querygen_core.contracts.errors import ConfigError, QuerygenError
from querygen_core.secrets.secret import Secret
from querygen_core.strict_yaml.diagnostics import one_line, show

_TEXT = (str, Path)
_QUOTE_THE_VALUE = frozenset({"value_error", "assertion_error"})  # errors of pydantic whose message a plugin wrote


def late_keys(model: type[BaseModel], values: Mapping[str, Any]) -> frozenset[str]:
    """The options that are text and in whose values secrets stand."""
    texts = {key_of(name, field) for name, field in model.model_fields.items() if _takes_secrets(field)}
    return frozenset(key for key in texts & values.keys() if _holds_secret(values[key]))


def _takes_secrets(field: Any) -> bool:
    # Neither options of any type, which may end up in a prompt, nor names that must be known when the config is read.
    closed = (ModelRef, PromptRef)
    return mentions(field, lambda part: part in _TEXT) and not mentions(
        field, lambda part: part is Secret or part is Any or isinstance(part, closed)
    )


def _holds_secret(value: Any) -> bool:
    return any(isinstance(leaf, Secret) for _, leaf in leaves(value))


def with_late(model: type[Options], keys: frozenset[str]) -> type[Options]:
    """The fields of `model`, of which those called `keys` take anything. Its own validators, which would have to look
    at secrets, are left out.
    """

    class Late(Options):
        model_config = model.model_config
        not_in_key: ClassVar[frozenset[str]] = model.not_in_key

    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        is_late = key_of(name, field) in keys
        fields[name] = (Any, Field(alias=field.alias)) if is_late else (field.annotation, field)
    made: type[Options] = create_model(model.__name__, __base__=Late, **fields)
    return made


def revealed(component: ComponentConfig, *, spare: bool = False) -> Options:
    """The options with which a component is built.

    spare: if a secret cannot be had, a text keeps its reference, for who does not connect to anything.

    Raises:
        ConfigError: a secret's value is not what the option takes. QuerygenError: a secret cannot be had.
    """
    if component.late is None:
        return component.options
    options: type[Options] = component.registered.component.options
    late = late_keys(options, component.late)  # the other secrets are revealed by the component, when it needs them
    try:
        values = {key: _text(value, Secret.reveal) if key in late else value for key, value in component.late.items()}
    except QuerygenError:
        if not spare:
            raise
        known = {key_of(name, options.model_fields[name]): value for name, value in component.options}
        return options.model_construct(
            **{key: _text(value, str) if key in late else value for key, value in known.items()}
        )
    try:
        return options.model_validate(values)
    except ValidationError as exc:
        problems = [_problem(component, error) for error in exc.errors(include_url=False, include_input=False)]
    raise ConfigError(problems)  # outside, because pydantic's error quotes the values


def _text(value: Any, of: Callable[[Secret], str]) -> Any:
    if isinstance(value, Secret):
        return of(value)
    if isinstance(value, dict):
        return {key: _text(item, of) for key, item in value.items()}
    return [_text(item, of) for item in value] if isinstance(value, list) else value


def _problem(component: ComponentConfig, error: Any) -> str:
    reason = "the value is not accepted" if error["type"] in _QUOTE_THE_VALUE else error["msg"]
    return one_line(f"{component.path}.{show(error['loc'])}: {reason}, with the secret that the config names")
