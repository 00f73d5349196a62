"""Every text that `--help` and `plugins info` print has one form."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from querygen_core.cli.parser import EXIT_CODES, build_parser
from querygen_core.config import models
from querygen_core.contracts.errors import Exit, UsageError

CONFIG_MODELS = [
    models.ConfigFile,
    models.Runtime,
    models.Step,
    models.Model,
    models.Generator,
    models.Sink,
]


def helps(parser: argparse.ArgumentParser, name: str = "querygen") -> Iterator[tuple[str, str | None]]:
    yield name, parser.description
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice, child in action.choices.items():
                yield from helps(child, f"{name} {choice}")
        else:
            yield f"{name} {action.option_strings or action.dest}", action.help


TEXTS = dict(helps(build_parser()))


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_and_flag_is_described_in_one_form(name: str):
    text = TEXTS[name]
    assert text, "no text"
    assert text[0].isupper() or text[0].isdigit()
    assert not text.endswith(".") or name == "querygen"


def test_every_exit_code_has_a_meaning_in_the_help():
    assert set(EXIT_CODES) == set(Exit)
    shown = build_parser().format_help()
    for code, meaning in EXIT_CODES.items():
        assert f"  {code:<4} {meaning}\n" in shown


@pytest.mark.parametrize("model", CONFIG_MODELS, ids=lambda model: model.__name__)
def test_every_key_of_a_config_is_described_in_a_sentence(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        description = field.description or ""
        assert description[:1].isupper(), name
        assert description.endswith("."), name


@pytest.mark.parametrize("words", ["--sample=0", "--sample=-1", "--sample=x", "--sample=1.5", "--sample=²"])
def test_a_number_that_is_none_is_refused_with_what_it_should_be(words: str):
    with pytest.raises(UsageError, match="should be a whole number of at least 1, not "):
        build_parser().parse_args(["run", "job.yaml", words])
