"""Describes a component as text: where it stands in a config and which options it takes."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator

from querygen_core.cli.option_types import DescribedOption, describe_options
from querygen_core.config.models import DEFAULT_USE, SECTIONS, ComponentEntry
from querygen_core.registry import Registered

_NARROWEST, _WIDEST = 60, 120  # columns
_WIDEST_KEY = 24  # a longer key does not push the column of types further right


def component_lines(registered: Registered, *, with_common_keys: bool) -> Iterator[str]:
    """The lines that `querygen plugins info` prints of one component.

    with_common_keys: also describe the keys that querygen itself takes in every entry of the component's section.
    """
    yield f"{registered.use}  ({registered.kind})"
    yield f"  {registered.component.summary}"
    options = list(describe_options(registered.component.options))
    yield ""
    yield f"  In a config:  {_usage(registered, options)}"
    if options:
        yield ""
        yield "  Options:"
        yield from _option_lines(options)
    section = _section_of(registered)
    if with_common_keys and section:
        common = [option for option in describe_options(SECTIONS[section][1]) if option.key != "use"]
        if common:
            yield ""
            yield f"  Keys of every entry under `{section}`:"
            yield from _option_lines(common)


def _section_of(registered: Registered) -> str | None:
    return next((section for section, (kind, _) in SECTIONS.items() if kind == registered.kind), None)


def _usage(registered: Registered, options: Iterable[DescribedOption]) -> str:
    """How a config names the component, with its required options.

    core's secret resolvers are named without their plugin: `${secret:env:NAME}`.
    """
    if registered.kind == "secret":
        resolver = registered.component.name if registered.plugin == "core" else registered.use
        return f"KEY: ${{secret:{resolver}:NAME}}, for an option that takes a secret"
    if registered.kind == "storage":
        return f"{registered.component.name}://… wherever a URL is accepted"
    section = _section_of(registered)
    if section is None:
        return registered.use
    # `name` is required for core/prompt only.
    name = ["name: …"] if DEFAULT_USE.get(section) == registered.use == "core/prompt" else []
    required = [f"{option.key}: …" for option in options if option.required and "." not in option.key]
    entry = f"{{{', '.join([*name, f'use: {registered.use}', *required])}}}"
    if section == "models":
        return f"models: {{NAME: {entry}}}"
    return f"{section}: [{entry}]" if _is_list(section) else f"{section}: {entry}"


def _is_list(section: str) -> bool:
    return SECTIONS[section][1] is not ComponentEntry


def _option_lines(options: Iterable[DescribedOption]) -> Iterator[str]:
    options = list(options)
    width = min(_WIDEST_KEY, max(len(option.key) for option in options))
    margin = " " * (6 + width)
    columns = max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns)) - len(margin)
    for option in options:
        types, *more = _wrapped(f"{option.type}; {option.default}", columns)
        yield f"    {option.key:<{width}}  {types}"
        yield from (f"{margin}{line}" for line in [*more, *_wrapped(option.description, columns)])


def _wrapped(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
