from __future__ import annotations

from pathlib import Path

from querygen_offline.options import OfflineOptions

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_options_table_is_that_of_the_model():
    rows = [
        f"| `{name}` | `{field.default}` | {field.description} |" for name, field in OfflineOptions.model_fields.items()
    ]
    assert [line for line in README.splitlines() if line.startswith("| `") and line.count("|") == 4] == rows


def test_it_says_what_it_is_not():
    assert "not a language model" in README
