"""What the refusals of S3 and of servers like it mean: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

import html
import re
from typing import Any

from ...core.answers import error_for, excerpt, retry_after
from ...core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited, Rejected
from ...core.http import Response
from ...families.documents import Conflict

MAX_MESSAGE_LENGTH = 320  # S3 names user, action and key of a refusal by their ARNs

WRONG_KEY_CODES = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "AuthFailure"}
EXPIRED_TOKEN_CODES = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
WRONG_REGION_CODES = {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
RATE_LIMIT_CODES = {"SlowDown", "ServiceUnavailable", "TooManyRequests", "RequestLimitExceeded"}
CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted"}
# They have the status 400, but the request was only cut off or changed on its way.
DAMAGED_CODES = {"RequestTimeout", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"}
TOO_LARGE_CODES = {"EntityTooLarge", "KeyTooLongError", "KeyTooLong"}
# Ceph: https://docs.ceph.com/en/latest/radosgw/s3/, MinIO: cmd/api-errors.go in https://github.com/minio/minio
FULL_CODES = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
# Which field of the configuration a code is about.
FIELDS = {
    "NoSuchBucket": "bucket",
    "InvalidBucketName": "bucket",
    "InvalidStorageClass": "storageClass",
    "InvalidObjectState": "storageClass",
    "AccessControlListNotSupported": "acl",
    "InvalidEncryptionAlgorithmError": "serverSideEncryption",
}


def element(response: Response, name: str) -> str:
    """One element of S3's error document, e.g. `AccessDenied` for `Code`; empty if it is absent.

    By pattern, because a parser would expand entities of an untrusted server.
    """
    found = re.search(rf"<{name}>([^<]*)</{name}>", response.text)
    return excerpt(html.unescape(found[1]), MAX_MESSAGE_LENGTH) if found else ""


def s3_error(response: Response, config: Any, action: str) -> IntegrationError:
    """The error for a response other than 2xx. `action` is the permission that the request needs: `s3:PutObject`."""
    code, status = element(response, "Code"), response.status
    said = f"{code}: {element(response, 'Message')}" if code else f"HTTP {status}"
    region = response.headers.get("x-amz-bucket-region") or element(response, "Region")
    if code in EXPIRED_TOKEN_CODES:
        return AuthFailed(f"S3 says that the session token is no longer valid ({code}): create new credentials.")
    if code in WRONG_KEY_CODES:
        return AuthFailed(f"S3 refused the access key ({code}): check accessKeyId and secretAccessKey.")
    if (code in WRONG_REGION_CODES or status in (301, 307, 400)) and region and region != config.region:
        sentence = f"The bucket {config.bucket} is in the region {region}, not in {config.region}."
        return InvalidConfig(sentence, {"region": [f"must be {region}"]})
    if code == "RequestTimeTooSkewed":
        return ConnectionFailed("S3 says that the clock of this server is wrong (RequestTimeTooSkewed).")
    if code in CONFLICT_CODES:
        return Conflict(f"The object keeps changing while it is written ({code}).")
    if code in RATE_LIMIT_CODES or "Throttling" in code or status == 503:
        return RateLimited(f"S3 asks to slow down ({code or status}).", retry_after=retry_after(response))
    if code in DAMAGED_CODES:
        return ConnectionFailed(f"S3 did not receive the request as it was sent ({code}).")
    if code in TOO_LARGE_CODES:
        return Rejected(f"S3 refused the document as too large or its path as too long ({code}).")
    return _refusal(response, code, said, config, action)


def _refusal(response: Response, code: str, said: str, config: Any, action: str) -> IntegrationError:
    """The error if the bucket, the permissions or the configuration have to be changed, or the service is at fault."""
    status = response.status
    if code in FULL_CODES or status == 507:
        sentence = f"There is no space left for {config.bucket} ({said}): free some or raise the quota."
        return ConnectionFailed(sentence, fault="target")
    if code == "NoSuchBucket":
        sentence = f"There is no bucket {config.bucket} in {config.region}: create it or choose another one."
        return InvalidConfig(sentence, {"bucket": ["does not exist"]})
    if code == "InvalidObjectState":
        return InvalidConfig(f"A document is archived and cannot be read ({said}).", _details(code))
    if status == 403 and "kms:" in said.lower():
        return AuthFailed(
            f"S3 may not use the KMS key for this access key ({said}): allow kms:GenerateDataKey and kms:Decrypt."
        )
    if status in (401, 403):
        allow = action + (" and s3:PutObjectAcl" if action == "s3:PutObject" and config.acl else "")
        return AuthFailed(f"S3 refused access to {config.bucket} ({said}): the key needs {allow} there.")
    if status in (400, 405, 501):
        details = _details("KMS" if code.startswith("KMS.") else code)
        if not details and config.server_side_encryption and re.search(r"encryption|KMS", said):
            details = {"serverSideEncryption": ["is refused by the server"]}
        return InvalidConfig(f"S3 refused the request as it is configured ({said}).", details)
    return error_for(response, "S3", said if code else "")


def _details(code: str) -> dict[str, list[str]]:
    field = "kmsKeyId" if code == "KMS" else FIELDS.get(code)
    return {field: ["is refused by the server"]} if field else {}
