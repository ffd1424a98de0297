import pytest

from integrations.connectors.s3 import S3
from integrations.core.errors import (
    AuthFailed,
    ConnectionFailed,
    IntegrationError,
    InvalidConfig,
    RateLimited,
    Rejected,
)
from integrations.core.http import Response
from tests.flows import CREATED, DELETED, UPDATED, play, text_response
from tests.integrations.connectors.s3_answers import CONFIG, config, error_answer

LISTED = text_response(200, "<ListBucketResult/>")
DENIED = error_answer(403, "AccessDenied", "Access Denied")


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (error_answer(403, "InvalidAccessKeyId"), AuthFailed, "check accessKeyId"),
        (error_answer(403, "SignatureDoesNotMatch"), AuthFailed, "check accessKeyId and secretAccessKey"),
        (error_answer(400, "ExpiredToken"), AuthFailed, "create new credentials"),
        (DENIED, AuthFailed, "AccessDenied: Access Denied.: the key needs s3:ListBucket"),
        (error_answer(403, "RequestTimeTooSkewed"), ConnectionFailed, "clock"),
        (error_answer(404, "NoSuchBucket"), InvalidConfig, "no bucket my-asset-bucket"),
        (
            error_answer(400, "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>"),
            InvalidConfig,
            "eu-west-1, not in us-east-1",
        ),
        (
            error_answer(301, "PermanentRedirect", x_amz_bucket_region="ap-south-1"),
            InvalidConfig,
            "in the region ap-so",
        ),
        (error_answer(503, "SlowDown"), RateLimited, "slow down"),
        (error_answer(500, "InternalError"), ConnectionFailed, "InternalError: It <failed>"),
        (text_response(200, "<html>Router login</html>"), ConnectionFailed, "not that of an S3 server"),
        (text_response(403), AuthFailed, "HTTP 403"),
        # The status is 400, but the request only arrived incompletely.
        (error_answer(400, "RequestTimeout"), ConnectionFailed, "did not receive"),
        # https://docs.ceph.com/en/latest/radosgw/s3/
        (error_answer(403, "UserSuspended"), AuthFailed, "UserSuspended"),
        (text_response(301), ConnectionFailed, "redirect"),
    ],
)
def test_each_refusal_has_its_error(answer: Response, error: type[IntegrationError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        play(S3().test(config()), answer)
    assert type(caught.value) is error
    assert CONFIG["secretAccessKey"] not in caught.value.message


def test_the_right_region_is_named_at_the_field() -> None:
    with pytest.raises(InvalidConfig) as caught:
        play(S3().test(config()), error_answer(400, "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>"))
    assert caught.value.details == {"region": ["must be eu-west-1"]}


# The words of S3 (rendered by its documentation and by the tests of https://github.com/adobe/S3Mock that ran against
# AWS), of MinIO (cmd/api-errors.go in https://github.com/minio/minio) and of Backblaze B2.
@pytest.mark.parametrize(
    ("answer", "more", "error", "says", "field"),
    [
        (
            error_answer(
                403,
                "AccessDenied",
                "User: arn:aws:iam::111122223333:user/invenicum is not authorized to perform: kms:GenerateDataKey on "
                "resource: arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab because no "
                "identity-based policy allows the kms:GenerateDataKey action",
            ),
            {"serverSideEncryption": "aws:kms"},
            AuthFailed,
            "kms:GenerateDataKey on resource.*: allow kms:GenerateDataKey and kms:Decrypt",
            None,
        ),
        (
            error_answer(400, "KMS.NotFoundException", "Key 'arn:aws:kms:…' does not exist"),
            {"serverSideEncryption": "aws:kms", "kmsKeyId": "alias/none"},
            InvalidConfig,
            "does not exist",
            "kmsKeyId",
        ),
        (
            error_answer(501, "NotImplemented", "Server side encryption specified but KMS is not configured"),
            {"serverSideEncryption": "aws:kms"},
            InvalidConfig,
            "KMS is not configured",
            "serverSideEncryption",
        ),
        (
            error_answer(400, "InvalidArgument", "Server side encryption specified but KMS is not configured"),
            {"serverSideEncryption": "AES256"},
            InvalidConfig,
            "KMS is not configured",
            "serverSideEncryption",
        ),
        (
            error_answer(400, "InvalidStorageClass", "The storage class you specified is not valid"),
            {"storageClass": "COLD"},
            InvalidConfig,
            "not valid",
            "storageClass",
        ),
        (
            error_answer(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"),
            {"acl": "public-read"},
            InvalidConfig,
            "does not allow ACLs",
            "acl",
        ),
        (DENIED, {"acl": "public-read"}, AuthFailed, "s3:PutObject and s3:PutObjectAcl", None),
        (DENIED, {}, AuthFailed, "needs s3:PutObject there", None),
        (error_answer(403, "AccessDenied", "Transaction cap exceeded"), {}, AuthFailed, "cap exceeded", None),
        (error_answer(507, "XMinioStorageFull"), {}, ConnectionFailed, "no space left", None),
        (error_answer(403, "QuotaExceeded"), {}, ConnectionFailed, "no space left", None),
        (error_answer(404, "NoSuchBucket"), {}, InvalidConfig, "create it or choose another", "bucket"),
    ],
)
def test_what_the_server_says_of_a_write_is_shown(
    answer: Response, more: dict[str, str], error: type[IntegrationError], says: str, field: str | None
) -> None:
    for flow, before in (
        (S3().test(config(**more)), [LISTED]),
        (S3().deliver(CREATED, config(**more), 0), []),
    ):
        with pytest.raises(error, match=says) as caught:
            play(flow, *before, answer)
        assert list(getattr(caught.value, "details", {})) == ([field] if field else [])


def test_a_key_that_may_write_but_not_delete_fails_and_names_what_is_left_behind() -> None:
    with pytest.raises(AuthFailed, match=r"s3:DeleteObject there\. The test has left the object assets/invenicum-"):
        play(S3().test(config()), LISTED, text_response(200), text_response(200, "{}"), DENIED)


def test_a_key_that_may_write_but_not_read_fails_once_the_object_is_removed() -> None:
    with pytest.raises(AuthFailed, match="needs s3:GetObject there"):
        play(S3().test(config()), LISTED, text_response(200), DENIED, text_response(204))


@pytest.mark.parametrize("code", ["EntityTooLarge", "KeyTooLongError"])
def test_a_document_too_large_is_not_retried(code: str) -> None:
    with pytest.raises(Rejected):
        play(S3().deliver(CREATED, config(), 0), error_answer(400, code))


def test_a_deleted_bucket_is_told_by_each_kind_of_delivery() -> None:
    for event in (CREATED, UPDATED, DELETED):
        with pytest.raises(InvalidConfig, match="no bucket my-asset-bucket in us-east-1: create it"):
            play(S3().deliver(event, config(), 0), error_answer(404, "NoSuchBucket"))


def test_an_archived_document_is_the_bucket_owners_to_restore() -> None:
    archived = error_answer(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
    with pytest.raises(InvalidConfig, match="archived"):
        play(S3().deliver(UPDATED, config(), 0), archived)
