"""The Dockerfile follows our own rules and hadolint's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.container.rules import (
    RULES,
    dependencies_first,
    exec_form,
    hashed_installs,
    named_images,
    no_secrets,
    no_unchecked_download,
    not_root,
    nothing_missing,
    own_files_belong_to_root,
    read,
    two_stages,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text("utf-8")

MISTAKES = [
    (two_stages, "FROM ${PYTHON_IMAGE} AS build", "FROM ${PYTHON_IMAGE} AS a\nFROM ${PYTHON_IMAGE} AS build"),
    (two_stages, "FROM ${PYTHON_IMAGE} AS build", "FROM python:3.12-slim-bookworm AS build"),
    (named_images, "python:3.11-slim-bookworm", "python:latest"),
    (named_images, "python:3.11-slim-bookworm", "python"),
    (named_images, "python:3.11-slim-bookworm", "python:3-slim"),
    (not_root, "USER 10001:10001", "USER root"),
    (not_root, "USER 10001:10001", "USER 10001:10001\nUSER 0:0"),
    (not_root, "USER 10001:10001\n", ""),
    (exec_form, 'ENTRYPOINT ["querygen"]', "ENTRYPOINT querygen"),
    (exec_form, 'ENTRYPOINT ["querygen"]', 'ENTRYPOINT ["sh", "-c", "querygen"]'),
    (exec_form, 'CMD ["--help"]', "CMD --help"),
    (exec_form, "STOPSIGNAL SIGTERM", "STOPSIGNAL SIGINT"),
    (no_unchecked_download, "WORKDIR /build", "ADD https://example.com/a.pem /etc/ssl/"),
    (no_unchecked_download, "WORKDIR /build", "RUN curl -o a https://example.com/a"),
    (hashed_installs, "--require-hashes -r pins.txt", "-r pins.txt"),
    (hashed_installs, "--require-hashes --constraint pins.txt -r third-party.txt", "-r third-party.txt"),
    (hashed_installs, "--no-index --no-deps wheels/*.whl", "querygen"),
    (nothing_missing, "-m pip --python /opt/querygen/bin/python check", "-m pip list"),
    (nothing_missing, "PIP_QUIET=0 ", ""),
    (dependencies_first, "COPY .ci/needed.py requirements.lock ./", "COPY . ./"),
    (dependencies_first, "COPY .ci/needed.py requirements.lock ./", "COPY --chmod=0644 plugins/aws ./"),
    (dependencies_first, "COPY --from=build /own /opt/querygen\n", ""),
    (own_files_belong_to_root, "COPY --from=build /own", "COPY --chown=10001 --from=build /own"),
    (no_secrets, "ARG EXTRAS=", "ARG EXTRAS=\nARG GEMINI_API_KEY"),
]


@pytest.mark.parametrize("rule", RULES)
def test_it_keeps_the_rule(rule):
    assert list(rule(read(TEXT))) == []


@pytest.mark.parametrize(("rule", "old", "new"), MISTAKES)
def test_a_mistake_is_found(rule, old, new):
    assert old in TEXT
    assert list(rule(read(TEXT.replace(old, new, 1))))


def test_the_readme_names_arguments_and_folders_that_there_are():
    readme = (ROOT / "README.md").read_text("utf-8")
    arguments = set(re.findall(r"--build-arg (\w+)=", readme))
    assert arguments >= {"CONFIG", "EXTRAS", "PLUGINS", "CERTIFICATES", "RDS_CA_SHA256"}
    assert arguments <= {step.words.partition("=")[0] for step in read(TEXT) if step.name == "ARG"}
    for place in ("/var/lib/querygen", "/etc/ssl/certs/ca-certificates.crt", "QUERYGEN_STATE_DIR", "10001"):
        assert place in readme
        assert place in TEXT


def test_folders_of_whoever_builds_reach_the_build():
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    readme = (ROOT / "README.md").read_text("utf-8")
    for argument in ("PLUGINS", "CERTIFICATES"):
        (folder,) = set(re.findall(rf"--build-arg {argument}=(\w+)", readme))
        assert f"!{folder}" in ignored


def test_every_rule_has_a_mistake():
    assert {rule for rule, _, _ in MISTAKES} == set(RULES)


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("hadolint")
    if not program.exists():
        pytest.skip("hadolint has no wheel for this system")
    return subprocess.run([program, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing():
    done = hadolint(TEXT)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_hadolint_reads_the_shell_as_well():
    done = hadolint(TEXT.replace("python needed.py plugins config.yaml requirements.lock > plugins.txt", "cd /nowhere"))
    assert done.returncode == 1
    assert "DL3003" in done.stdout
