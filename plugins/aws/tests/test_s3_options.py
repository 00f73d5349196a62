from __future__ import annotations

import pytest
from pydantic import ValidationError

from querygen_aws.options import S3Options
from querygen_aws.s3.object_settings import ObjectSettings
from querygen_core.api import ConfigError

ARN = "arn:aws:s3:eu-west-1:123456789012:accesspoint/queries"


@pytest.mark.parametrize("bucket", ["abc", "my-bucket.example", "Old_Style", ARN])
@pytest.mark.parametrize("prefix", ["", "query/", "a/b/", "ä b/%2F/"])
def test_names_that_are_taken(bucket, prefix):
    options = S3Options(bucket=bucket, prefix=prefix)
    assert (options.bucket, options.prefix) == (bucket, prefix)


@pytest.mark.parametrize("bucket", ["", "ab", "s3://bucket", "bucket/key", "bucket ", "-bucket", "büro"])
def test_a_bucket_is_a_name_only(bucket):
    with pytest.raises(ValidationError, match="should be a bucket name"):
        S3Options(bucket=bucket)


@pytest.mark.parametrize("option", ["prefix", "error_prefix"])
@pytest.mark.parametrize(
    "prefix", ["query", "/query/", "a//", "/", "../", "a/./", "a\nb/", "a\u2028/", "x" * 512 + "/", "é" * 256 + "/"]
)
def test_a_prefix_is_a_folder(option, prefix):
    with pytest.raises(ValidationError, match="should"):
        S3Options(bucket="bucket", **{option: prefix})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kms_key_id": "alias/shop"}, "kms_key_id needs `sse: aws:kms`"),
        ({"kms_key_id": "alias/shop", "sse": "AES256"}, "kms_key_id needs `sse: aws:kms`"),
        ({"sse": "KMS"}, "AES256"),
        ({"acl": "everybody"}, "bucket-owner-full-control"),
    ],
)
def test_settings_that_s3_would_refuse(given, said):
    with pytest.raises(ValidationError, match=said):
        S3Options(bucket="bucket", **given)
    names = {"sse": "QUERYGEN_S3_SSE", "kms_key_id": "QUERYGEN_S3_KMS_KEY_ID", "acl": "QUERYGEN_S3_ACL"}
    with pytest.raises(ConfigError, match="QUERYGEN_S3_"):
        ObjectSettings.of_environ({names[name]: value for name, value in given.items()})


def test_settings_change_no_answers_key():
    assert {"sse", "kms_key_id", "acl"} <= S3Options.not_in_key
