"""`aws/rds-token`: what IAM authentication of RDS takes for a password."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

import pytest

from aws_server.emulators import CREDENTIALS, REGION
from querygen_aws import NoOptions, build_rds_token
from querygen_core.api import ConfigError, CredentialsError
from querygen_core.testing import context

HOST = "shop.c1xyz.eu-west-3.rds.amazonaws.com"


def token(folder, reference, field=None):
    return build_rds_token(NoOptions(), context(folder, environ=os.environ)).resolve(reference, field)


@pytest.mark.parametrize(
    ("host", "region"),
    [(HOST, "eu-west-3"), ("shop.c1.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"), ("db.shop", REGION)],
)
@pytest.mark.usefixtures("environment")
def test_a_token_is_signed_for_host_port_and_user(tmp_path, host, region):
    """The region is the host's, if that tells; a name of one's own before it needs AWS_REGION."""
    made = token(tmp_path, f"{host}:5433/writer@x")
    parts = urlsplit(f"https://{made}")
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.netloc == f"{host}:5433"
    assert (said["Action"], said["DBUser"], said["X-Amz-Expires"]) == ("connect", "writer@x", "900")
    assert said["X-Amz-Credential"].startswith(f"{CREDENTIALS['AWS_ACCESS_KEY_ID']}/")
    assert said["X-Amz-Credential"].endswith(f"/{region}/rds-db/aws4_request")
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in made


@pytest.mark.parametrize(
    ("reference", "field"), [(HOST, None), (f"{HOST}:x/me", None), (f"{HOST}:1/", None), (f"{HOST}:1/me", "x")]
)
@pytest.mark.usefixtures("environment")
def test_what_names_no_database_is_refused(tmp_path, reference, field):
    with pytest.raises(ConfigError, match="should be HOST:PORT/USER"):
        token(tmp_path, reference, field)


@pytest.mark.usefixtures("impatient")
def test_nothing_is_signed_without_credentials(tmp_path):
    with pytest.raises(CredentialsError, match="without AWS credentials: NoCredentialsError") as caught:
        token(tmp_path, f"{HOST}:5432/me")
    assert not caught.value.transient
