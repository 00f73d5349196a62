"""`aws/secretsmanager`: the value, by one request; or a message that says what to do and holds no value."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from aws_server.emulators import REGION
from aws_server.proxy import Fail
from querygen_aws import NoOptions, build_secretsmanager
from querygen_core.api import ConfigError, CredentialsError, QuerygenError
from querygen_core.testing import SecretResolverContract, context

VALUE = "canary-of-a-secret-8c1f"
JSON = f'{{"username": "shop", "password": "{VALUE}", "port": 5432}}'
GET = "GetSecretValue"


def put(aws: Any, text: str = JSON) -> str:
    """The ARN of a new secret; its name is in it, with a slash."""
    made = aws.client("secretsmanager").create_secret(Name=f"shop/{uuid4()}", SecretString=text)
    return str(made["ARN"])


def name_of(arn: str) -> str:
    return arn.split(":")[6].rpartition("-")[0]


def resolver(folder: Any) -> Any:
    return build_secretsmanager(NoOptions(), context(folder, environ=os.environ))


def refusal(folder: Any, name: str, field: str | None = None) -> QuerygenError:
    with pytest.raises(QuerygenError) as caught:
        resolver(folder).resolve(name, field)
    assert name in str(caught.value)
    assert VALUE not in f"{caught.value}{caught.value!r}"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None), "the SDK's error has the request in it"
    return caught.value


class TestField(SecretResolverContract):
    @pytest.fixture(autouse=True)
    def _take(self, aws, environment):
        self.aws = aws

    def resolver(self, folder):
        return resolver(folder)

    def known(self):
        return name_of(put(self.aws)), "password", VALUE


class TestWhole(TestField):
    def known(self):
        return put(self.aws, VALUE), None, VALUE


def test_a_name_or_an_arn_and_the_whole_or_a_field(aws, environment, tmp_path):
    arn = put(aws)
    found = resolver(tmp_path)
    assert found.resolve(arn, None) == found.resolve(name_of(arn), None) == JSON
    assert found.resolve(arn, "password") == VALUE
    assert found.resolve(name_of(arn), "port") == "5432"


@pytest.mark.usefixtures("environment")
def test_an_arn_says_the_region(aws, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    arn = put(aws)
    assert resolver(tmp_path).resolve(arn, "password") == VALUE
    wrong = refusal(tmp_path, name_of(arn))
    assert isinstance(wrong, ConfigError)
    assert "set AWS_REGION" in str(wrong)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert resolver(tmp_path).resolve(arn, "password") == VALUE


def test_one_request_for_all_fields_and_threads_until_it_is_forgotten(proxy, aws, monkeypatch, tmp_path):
    through(proxy, monkeypatch)
    names = [put(aws), put(aws)]
    found = resolver(tmp_path)
    wanted = [(name, field) for name in names for field in ("password", "username", None)] * 11
    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(lambda one: found.resolve(*one), wanted)) == {VALUE, "shop", JSON}
    assert proxy.counts[GET] == 2
    aws.client("secretsmanager").put_secret_value(SecretId=names[0], SecretString='{"password": "new", "username": 1}')
    assert found.resolve(names[0], "password") == VALUE, "nobody said that it will not do"
    found.forget(names[0])
    found.forget("never-asked-for")
    assert [found.resolve(name, "password") for name in names] == ["new", VALUE]
    assert proxy.counts[GET] == 3


def test_what_is_no_text_or_not_there_any_more(aws, environment, tmp_path):
    client, name = aws.client("secretsmanager"), f"odd/{uuid4()}"
    client.create_secret(Name=name, SecretBinary=VALUE.encode())
    assert "is binary; store it as text" in str(refusal(tmp_path, name))
    arn = put(aws)
    client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    assert "if it was deleted, restore it" in str(refusal(tmp_path, arn))
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert "does not exist: ResourceNotFoundException" in str(refusal(tmp_path, name))


@pytest.mark.parametrize(
    ("text", "field"), [(VALUE, "a"), (JSON, "gone"), (f'["{VALUE}"]', "0"), (f'{{"a": {JSON}}}', "a")]
)
@pytest.mark.usefixtures("environment")
def test_a_field_that_is_not_there(aws, tmp_path, text, field):
    assert repr(field) in str(refusal(tmp_path, put(aws, text), field))


@pytest.mark.parametrize(
    ("code", "says", "transient"),
    [
        ("AccessDeniedException", "the job's role needs secretsmanager:GetSecretValue", False),
        ("DecryptionFailure", "and kms:Decrypt if it is encrypted with your own key", False),
        ("UnrecognizedClientException", "is denied: UnrecognizedClientException", False),
        ("ExpiredTokenException", "is denied: ExpiredTokenException", False),
        ("InvalidParameterException", "cannot be read: InvalidParameterException", False),
        ("ThrottlingException", "cannot be fetched at the moment: ThrottlingException", True),
        ("InternalServiceError", "cannot be fetched at the moment: InternalServiceError", True),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_aws_says_no_to(proxy, aws, monkeypatch, tmp_path, code, says, transient):
    through(proxy, monkeypatch)
    proxy.on(GET, Fail(code))
    found = refusal(tmp_path, put(aws), "password")
    assert isinstance(found, CredentialsError)
    assert (says in str(found), found.transient) == (True, transient), found


@pytest.mark.usefixtures("impatient")
def test_without_a_network_it_is_worth_another_try(proxy, monkeypatch, tmp_path):
    through(proxy, monkeypatch)
    proxy.refuse()
    found = refusal(tmp_path, "shop/db")
    assert isinstance(found, CredentialsError)
    assert found.transient
    assert "VPC endpoint" in str(found)


@pytest.mark.usefixtures("impatient")
def test_without_credentials(proxy, monkeypatch, tmp_path):
    through(proxy, monkeypatch)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    found = refusal(tmp_path, "shop/db")
    assert "without AWS credentials: NoCredentialsError" in str(found)
    assert not found.transient
    assert proxy.counts == {}


def test_what_is_throttled_for_a_moment_is_tried_again(proxy, aws, monkeypatch, tmp_path):
    through(proxy, monkeypatch)
    proxy.on(GET, Fail("ThrottlingException"), first=1)
    assert resolver(tmp_path).resolve(put(aws), "password") == VALUE
    assert proxy.counts[GET] == 2


def test_a_failure_is_not_kept(proxy, aws, monkeypatch, tmp_path):
    through(proxy, monkeypatch)
    arn, found = put(aws), resolver(tmp_path)
    proxy.on(GET, Fail("AccessDeniedException"), first=1)
    with pytest.raises(CredentialsError):
        found.resolve(arn, "password")
    assert found.resolve(arn, "password") == VALUE, "the right was granted meanwhile"


def through(proxy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process uses AWS through the proxy."""
    for name, value in proxy.environ.items():
        monkeypatch.setenv(name, value)
    assert REGION in proxy.environ.values()
