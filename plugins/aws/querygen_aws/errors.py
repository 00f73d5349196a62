"""Classification of the errors of boto3. Their text is kept without the request, which may hold secrets or answers."""

from __future__ import annotations

from typing import Literal

from botocore import exceptions

from querygen_core.api import SinkError

Kind = Literal["missing", "exists", "changed", "denied", "region", "retry", "permanent"]
"""missing: no such object, table or secret.
exists: a condition failed: the object exists already, or is another version.
changed: another writer is changing the object at this moment; repeat the request.
denied: no credentials, or no permission.
region: the bucket is in another region.
retry: throttled, 5xx, network.
permanent: the same request will fail again.
"""

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound", "ResourceNotFoundException", "NoSuchUpload"})
_EXISTS = frozenset({"412", "PreconditionFailed", "ConditionalCheckFailedException"})
_CHANGED = frozenset({"409", "ConditionalRequestConflict", "TransactionConflictException"})
_DENIED = frozenset(
    {
        "403",
        "401",
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "ExpiredToken",
        "ExpiredTokenException",
        "Forbidden",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "KMSAccessDeniedException",
        "KMS.DisabledException",
        "NotAuthorized",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_REGION = frozenset(
    {
        "301",
        "307",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)
_RETRY = frozenset(
    {
        "429",
        "InternalError",
        "InternalServerError",
        "InternalServiceError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.TokenRetrievalError,
    exceptions.UnauthorizedSSOTokenError,
    exceptions.ProfileNotFound,
)
_NETWORK = (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)


def kind_of(error: Exception) -> Kind:
    """Classify an error that boto3 or botocore raised."""
    if isinstance(error, exceptions.ClientError):
        return _kind_of_response(error)
    if isinstance(error, _NO_CREDENTIALS):
        return "denied"
    return "retry" if isinstance(error, _NETWORK) else "permanent"


def _kind_of_response(error: exceptions.ClientError) -> Kind:
    code = code_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for codes, kind in _KINDS:
        if code in codes:
            return kind
    return "retry" if status >= 500 or status == 429 else "permanent"


_KINDS: tuple[tuple[frozenset[str], Kind], ...] = (
    (_MISSING, "missing"),
    (_EXISTS, "exists"),
    (_CHANGED, "changed"),
    (_DENIED, "denied"),
    (_REGION, "region"),
    (_RETRY, "retry"),
)


def code_of(error: exceptions.ClientError) -> str:
    """Return AWS's error code, such as `NoSuchKey`; "" if there is none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def describe_error(error: Exception) -> str:
    """Return one line: AWS's code and message, or the exception's class. It holds no header, URL or request body."""
    if isinstance(error, exceptions.ClientError):
        message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:300]
        return f"{code_of(error)}: {message}" if message else code_of(error)
    return type(error).__name__


def region_hint(error: Exception) -> str:
    """Return the advice to set AWS_REGION, with the bucket's region if S3 named it."""
    response = error.response if isinstance(error, exceptions.ClientError) else {}
    region = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
    return f"set AWS_REGION={region}" if region else "set AWS_REGION to the bucket's region"


def table_error(table: str, error: Exception) -> SinkError:
    """The error to raise about a DynamoDB table."""
    kind = kind_of(error)
    message = f"table {table}: {describe_error(error)}"
    return SinkError("auth" if kind == "denied" else "retry" if kind == "retry" else "permanent", message)
