"""What an error of AWS means, in one place. Its text is kept without the request: that may hold what was sent."""

from __future__ import annotations

from typing import Literal

from botocore import exceptions

Kind = Literal["missing", "exists", "changed", "denied", "region", "retry", "permanent"]
"""missing: no such object, table, secret. exists: a condition says it is there, or was changed by another.
changed: another is writing it at this moment; ask again. denied: no credentials, or no right.
region: it is somewhere else. retry: throttled, 5xx, network. permanent: the request will fail again.
"""

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound", "ResourceNotFoundException", "NoSuchUpload"})
_EXISTS = frozenset({"412", "PreconditionFailed", "ConditionalCheckFailedException"})
_CHANGED = frozenset({"409", "ConditionalRequestConflict", "TransactionConflictException"})
_DENIED = frozenset({
    "403", "401", "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "ExpiredToken", "ExpiredTokenException",
    "Forbidden", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken",
    "KMSAccessDeniedException", "KMS.DisabledException", "NotAuthorized", "SignatureDoesNotMatch",
    "UnauthorizedOperation", "UnrecognizedClientException",
})  # fmt: skip
_REGION = frozenset({"301", "307", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException",
                     "PermanentRedirect", "TemporaryRedirect"})  # fmt: skip
_RETRY = frozenset({
    "429", "InternalError", "InternalServerError", "InternalServiceError", "LimitExceededException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestTimeout", "RequestTimeTooSkewed",
    "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TransactionInProgressException",
})  # fmt: skip
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
    """The kind of an error of boto3 or botocore, which the caller has caught."""
    if isinstance(error, exceptions.ClientError):
        return _kind_of_answer(error)
    if isinstance(error, _NO_CREDENTIALS):
        return "denied"
    return "retry" if isinstance(error, _NETWORK) else "permanent"


def _kind_of_answer(error: exceptions.ClientError) -> Kind:
    code = code_of(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for codes, kind in _KINDS:
        if code in codes:
            return kind
    return "retry" if status >= 500 or status == 429 else "permanent"


_KINDS: tuple[tuple[frozenset[str], Kind], ...] = (
    (_MISSING, "missing"), (_EXISTS, "exists"), (_CHANGED, "changed"), (_DENIED, "denied"), (_REGION, "region"),
    (_RETRY, "retry"),
)  # fmt: skip


def code_of(error: exceptions.ClientError) -> str:
    """AWS's own word for it, such as `NoSuchKey`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def said(error: Exception) -> str:
    """One line: AWS's word and message, or the error's name. No header, no URL, nothing of what was sent."""
    if isinstance(error, exceptions.ClientError):
        message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:300]
        return f"{code_of(error)}: {message}" if message else code_of(error)
    return type(error).__name__
