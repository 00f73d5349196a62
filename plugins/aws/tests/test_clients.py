from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from querygen_aws import clients
from querygen_core.api import ConfigError

HERE, THERE = "http://127.0.0.1:9001", "http://127.0.0.1:9002"
REGION = {"AWS_REGION": "eu-central-1"}


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setattr(clients, "_clients", {})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")


def test_a_client_is_made_once_whoever_asks():
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: id(clients.client("s3", REGION)), range(32)))
    assert len(made) == 1
    assert clients.client("s3", REGION, "us-east-1") is not clients.client("s3", REGION)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("service", "name"),
    [("s3", "S3"), ("dynamodb", "DYNAMODB"), ("secretsmanager", "SECRETS_MANAGER"), ("batch", "BATCH")],
)
def test_calls_go_where_the_environment_says(service, name):
    assert clients.client(service, {**REGION, "AWS_ENDPOINT_URL": HERE}).meta.endpoint_url == HERE
    both = {**REGION, "AWS_ENDPOINT_URL": HERE, f"AWS_ENDPOINT_URL_{name}": THERE}
    assert clients.client(service, both).meta.endpoint_url == THERE


def test_the_region_is_the_config_s_or_the_environment_s():
    assert clients.client("s3", REGION).meta.region_name == "eu-central-1"
    assert clients.client("s3", {"AWS_DEFAULT_REGION": "eu-west-1"}).meta.region_name == "eu-west-1"
    assert clients.client("s3", REGION, "us-east-2").meta.region_name == "us-east-2"
    with pytest.raises(ConfigError, match="no region is set for s3; set AWS_REGION"):
        clients.client("s3", {})


def test_no_call_waits_for_long_and_throttled_ones_are_tried_again():
    config = clients.client("s3", REGION).meta.config
    assert (config.connect_timeout, config.read_timeout) == (8.0, 8.0)
    assert (config.retries["mode"], config.retries["total_max_attempts"]) == ("standard", 5)
