from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import pins

ROOT = Path(__file__).parents[1]


def copy(folder):
    for file in (ROOT / "pyproject.toml", ROOT / "requirements.lock", *ROOT.glob("plugins/*/pyproject.toml")):
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_pins_are_current():
    assert list(pins.problems(ROOT)) == [], f"run: {pins.COMMAND}"


def test_the_lock_holds_no_address():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "querygen-" not in text.removeprefix(pins.HEADER), "members of this tree are not pinned"
    assert len(pins.read_pins(text)) > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pyproject.toml", '  "pluggy==', '  "pluggy==0', ["pluggy==0", "not in requirements.lock"]),
        ("pyproject.toml", '  "pluggy==', '  "absent==1",\n  "pluggy==', ["absent==1", "not in requirements.lock"]),
        ("pyproject.toml", '"pluggy>=', '"pluggy>=99.', ["pyproject.toml requires pluggy>=99."]),
        ("plugins/text/pyproject.toml", '"ftfy>=', '"absent", "ftfy>=', ["plugins/text/pyproject.toml", "no version"]),
        ("requirements.lock", "pluggy==", "pluggy==9", ["is installed, pinned is 9"]),
        ("requirements.lock", "iniconfig==", "iniconfigs==", ["iniconfig is needed, but not pinned"]),
        ("plugins/text/pyproject.toml", '"ftfy', '"rapidfuzz>=3", #', ["ftfy is pinned, but nothing needs it"]),
        (
            "requirements.lock",
            "pluggy==",
            "--index-url https://example.com\npluggy==",
            ["neither a pin", "--index-url"],
        ),
        ("requirements.lock", "pluggy==", "local @ file:///tmp/x\npluggy==", ["neither a pin", "local @"]),
        ("requirements.lock", "pluggy==", "unhashed==1\npluggy==", ["no hash: unhashed==1"]),
        ("requirements.lock", "# Exact", "# Some", ["header"]),
        ("requirements.lock", "    # for embedded postgres\n", "", ["is not said to be for postgres"]),
        ("requirements.lock", "    # for aws\n", "    # for aws core\n", ["boto3 is wrongly said to be for core"]),
        ("requirements.lock", "    # for aws\n", "    # needed by aws\n", ["neither a pin nor a hash"]),
    ],
)
def test_what_is_not_current_is_said(file, old, new, said, tmp_path):
    copy(tmp_path)
    assert list(pins.problems(tmp_path)) == []
    change(tmp_path / file, old, new)
    found = list(pins.problems(tmp_path))
    assert any(all(part in line for part in said) for line in found), found


def test_pins_are_read_with_their_markers():
    lock = (
        f"{pins.HEADER}one==1.0 \\\n    --hash=sha256:{'0' * 64}\n"
        "two-b==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:\n"
        "three==3.0 ; python_full_version < '3.12' \\\nthree==3.1 ; python_full_version >= '3.12'\n"
    )
    found = pins.read_pins(lock)
    assert [(pin.name, pin.version) for pin in found] == [
        ("one", "1.0"),
        ("two-b", "2.0"),
        ("three", "3.0"),
        ("three", "3.1"),
    ]
    assert found[1].marker == "sys_platform == 'win32'"
    assert [pin.applies() for pin in found].count(True) == 2
    assert pins.constraints(found) == [
        "one==1.0",
        "three==3.0 ; python_full_version < '3.12'",
        "three==3.1 ; python_full_version >= '3.12'",
        "two-b==2.0",
    ]


def test_who_needs_a_pin_is_written_below_it_and_read_again():
    exported = "".join(f"{name}==1 \\\n    --hash=sha256:{'0' * 64}\n" for name in ("one", "two", "three"))
    one, two, _ = pins.read_pins(exported)
    lock = pins.with_users(exported, {"text": [one, two], "core": [two]})
    assert [sorted(pin.users) for pin in pins.read_pins(lock)] == [["text"], ["core", "text"], []]
    assert "".join(f"{line}\n" for line in lock.splitlines() if "# for" not in line) == exported


def test_constraints_are_written_where_they_belong():
    before = '[project]\nname = "a"\n\n[tool.uv.workspace]\nmembers = ["plugins/*"]\n'
    once = pins.with_constraints(before, ["one==1"])
    assert once.count("constraint-dependencies") == 1
    assert once.endswith(
        'constraint-dependencies = [\n  "one==1",\n]\n\n[tool.uv.workspace]\nmembers = ["plugins/*"]\n'
    )
    twice = pins.with_constraints(once, ["one==1", "two==2"])
    assert twice == once.replace('  "one==1",\n', '  "one==1",\n  "two==2",\n')
    assert pins.with_constraints(twice, ["one==1"]) == once


def test_without_uv_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="pip install uv"):
        pins.run_uv(tmp_path, "lock")


def test_a_failing_resolution_changes_nothing(monkeypatch, tmp_path):
    copy(tmp_path)
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexit 1\n")
    uv.chmod(0o755)
    monkeypatch.setenv("UV", str(uv))
    before = [(tmp_path / name).read_bytes() for name in ("pyproject.toml", "requirements.lock")]
    with pytest.raises(SystemExit, match="--upgrade"):
        pins.write(tmp_path, upgrade=True)
    assert [(tmp_path / name).read_bytes() for name in ("pyproject.toml", "requirements.lock")] == before
