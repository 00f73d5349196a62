"""`querygen submit` and then `querygen run`, with nothing between them but S3 and what Batch was told."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from aws_server.proxy import Fail

pytestmark = pytest.mark.slow


def test_the_command_from_end_to_end(sized, bucket, environment, tmp_path):
    """`querygen submit` sends to S3; `querygen run` then starts from nothing but the URL that Batch was given."""
    config = {
        "job_id": "shop",
        "input": {"use": "files/auto"},
        "models": {"m": {"use": "offline/model", "latency_ms": 0}},
        "generators": [{"name": "product", "prompt": "product", "model": "m", "count": 3}],
        "sinks": [{"use": "files/jsonl", "path": "out.jsonl"}],
        "submit": {"use": "aws/batch", "bucket": bucket},
    }
    (tmp_path / "shop.yaml").write_text(json.dumps(config))
    (tmp_path / "p.jsonl").write_text('{"id": "1", "title": "Acme Kettle", "brand": "Acme"}\n')
    done = run("submit", "shop.yaml", "--shards", "1", "--products-file", "p.jsonl", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    words = sized.submitted[0]["containerOverrides"]["command"]
    there = tmp_path / "there"
    there.mkdir()
    ran = run(*words, folder=there)
    assert ran.returncode == 0, ran.stderr
    assert len((there / "out.jsonl").read_text("utf-8").splitlines()) == 3
    reported = run(*sized.submitted[1]["containerOverrides"]["command"], folder=there)
    assert reported.returncode == 0, reported.stderr
    assert json.loads(reported.stdout)["done"] == 1
    missing = run("run", f"s3://{bucket}/nothing/config.json", folder=there)
    assert missing.returncode == 66, missing.stderr


def test_a_config_that_may_not_be_read_is_77(environment, bucket, proxy, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    proxy.on("GetObject", Fail("AccessDenied"))
    done = run("check", f"s3://{bucket}/config.json", folder=tmp_path)
    assert done.returncode == 77, done.stderr
    assert "s3:GetObject" in done.stderr


def run(*words, folder):
    command = [sys.executable, "-m", "querygen_core", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
