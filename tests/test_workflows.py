"""The public CI runs what a person runs: the README's test command, then `.ci/run`; nothing there holds a token."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in ROOT.glob(".github/workflows/*.yml")
}


def commands(workflow: str) -> list[str]:
    return [step["run"] for job in WORKFLOWS[workflow]["jobs"].values() for step in job["steps"] if "run" in step]


def test_ci_runs_the_command_of_the_readme_and_all_of_ci_run():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    quick, everything = commands("ci")
    assert quick in readme
    assert everything.endswith(" .ci/run")


def test_workflows_read_only_unless_they_publish():
    for name, workflow in WORKFLOWS.items():
        assert workflow["permissions"] == {"contents": "read"}, name
        assert "secrets." not in (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")


def test_pre_commit_runs_what_the_tests_run():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    checks = {hook["id"] for hook in hooks}
    assert checks == {"ruff-check", "ruff-format", "lint-imports", "mypy"}
