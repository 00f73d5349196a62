from __future__ import annotations

import pytest
from pydantic import ValidationError

from querygen_aws.options import S3Options

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
