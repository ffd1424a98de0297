import hashlib
import socket
from base64 import b64encode
from typing import Any

import pytest

from integrations.connectors.s3 import S3
from integrations.core.errors import InvalidConfig
from integrations.core.http import Request
from integrations.families.documents import Conflict
from tests.flows import CREATED, DELETED, REPORT, UPDATED, play, text_response
from tests.integrations.connectors.s3_answers import config, error_answer

BUCKET = "https://my-asset-bucket.s3.us-east-1.amazonaws.com"
PROBED = [text_response(200), text_response(200, "{}"), text_response(204)]


def url_of(more: dict[str, Any]) -> str:
    _, (request,) = play(S3().deliver(DELETED, config(**more), 0), text_response(204))
    return request.url


@pytest.mark.parametrize(
    ("more", "url"),
    [
        ({}, f"{BUCKET}/assets/asset-123.json"),
        ({"pathPrefix": "Büro 1/"}, f"{BUCKET}/B%C3%BCro%201/asset-123.json"),
        ({"forcePathStyle": True}, "https://s3.us-east-1.amazonaws.com/my-asset-bucket/assets/asset-123.json"),
        ({"bucket": "my.bucket"}, "https://s3.us-east-1.amazonaws.com/my.bucket/assets/asset-123.json"),
        ({"region": "cn-north-1"}, "https://my-asset-bucket.s3.cn-north-1.amazonaws.com.cn/assets/asset-123.json"),
        ({"region": "eusc-de-east-1"}, "https://my-asset-bucket.s3.eusc-de-east-1.amazonaws.eu/assets/asset-123.json"),
        ({"region": "us-iso-east-1"}, "https://my-asset-bucket.s3.us-iso-east-1.c2s.ic.gov/assets/asset-123.json"),
        (
            {"region": "us-west-004", "endpointUrl": "https://s3.us-west-004.backblazeb2.com"},
            "https://s3.us-west-004.backblazeb2.com/my-asset-bucket/assets/asset-123.json",
        ),
        (
            {"endpointUrl": "https://minio.example.com:9000/"},
            "https://minio.example.com:9000/my-asset-bucket/assets/asset-123.json",
        ),
        (
            {"endpointUrl": "https://acc.r2.cloudflarestorage.com", "region": "auto", "forcePathStyle": False},
            "https://my-asset-bucket.acc.r2.cloudflarestorage.com/assets/asset-123.json",
        ),
    ],
)
def test_a_bucket_is_addressed_as_its_server_expects(more: dict[str, Any], url: str) -> None:
    assert url_of(more) == url


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("region", "Frankfurt am Main", "for example us-east-1"),
        ("region", "fr-par", "required with the region fr-par, which is none of AWS: theirs are like us-east-1"),
        ("region", "auto", "required with the region auto"),
        ("accessKeyId", "a=b", "for example AKIA"),
        ("accessKeyId", "key/id", "for example AKIA"),
        ("kmsKeyId", "alias/invenicum", "needs serverSideEncryption aws:kms"),
        ("storageClass", "GLACIER", "can be read at once, for example STANDARD_IA"),
        ("acl", "everybody", "bucket-owner-full-control"),
        ("bucket", "My_Bucket", "for example my-asset-bucket"),
        ("bucket", "192.168.1.1", "for example"),
        ("pathPrefix", "../", "without . or .."),
        ("endpointUrl", "https://user@minio.example.com", "for example https://minio"),
        ("serverSideEncryption", "rot13", "AES256"),
    ],
)
def test_a_malformed_field_gets_an_example_of_a_valid_one(field: str, value: str, says: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        config(**{field: value})
    assert says in str(caught.value.details)


# As the servers' manuals name them: Backblaze B2, Scaleway, OVHcloud, Hetzner, Garage, IDrive e2, Cloudflare R2, Ceph.
@pytest.mark.parametrize(
    "region", ["us-west-004", "fr-par", "gra", "fsn1", "garage", "eu-001", "auto", "default", "GRA", "us-standard"]
)
def test_every_region_is_accepted_with_the_address_of_a_server(region: str) -> None:
    own = config(region=region, endpointUrl="https://s3.example.com")
    request = next(S3().deliver(DELETED, own, 0))
    assert f"/{region}/s3/aws4_request" in request.headers["Authorization"]


@pytest.mark.parametrize("key", ["GK31c2f218a2e44f485b94239e", "my-key", "backup.user@example.com", "SCWXXXXXXXXX"])
def test_access_key_ids_of_other_servers_are_accepted(key: str) -> None:
    request = next(S3().deliver(DELETED, config(accessKeyId=key), 0))
    assert f"Credential={key}/" in request.headers["Authorization"]


def test_the_alias_of_an_access_point_is_taken_for_a_bucket() -> None:
    alias = "invenicum-hzzybbxjhhzbj4k1mkknqjrsguyqyuse1a-s3alias"
    assert url_of({"bucket": alias}) == f"https://{alias}.s3.us-east-1.amazonaws.com/assets/asset-123.json"


def test_a_request_is_signed_without_opening_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connector opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    request = next(S3().deliver(CREATED, config(sessionToken="session-token"), 0))
    assert isinstance(request, Request)
    signature = request.headers["Authorization"]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    assert "host;x-amz-content-sha256;x-amz-date;x-amz-security-token" in signature
    assert request.headers["X-Amz-Security-Token"] == "session-token"


def test_the_test_lists_below_the_prefix_and_writes_reads_and_removes_an_object() -> None:
    listed = text_response(200, "<ListBucketResult/>", x_amz_bucket_region="us-east-1")
    result, requests = play(S3().test(config()), listed, *PROBED)
    assert [(request.method, request.url) for request in requests] == [
        ("GET", f"{BUCKET}/?list-type=2&max-keys=1&prefix=assets%2F"),
        *((method, f"{BUCKET}/assets/invenicum-connection-test") for method in ("PUT", "GET", "DELETE")),
    ]
    assert result.metadata == {"bucket": "my-asset-bucket", "region": "us-east-1"}


def test_an_object_is_written_with_its_checksum_and_as_configured() -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    more = {"serverSideEncryption": "aws:kms", "kmsKeyId": key, "storageClass": "STANDARD_IA"}
    _, (request,) = play(S3().deliver(CREATED, config(**more, acl="bucket-owner-full-control"), 0), text_response(200))
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    assert request.headers["Content-MD5"] == b64encode(digest).decode()
    assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert request.headers["x-amz-server-side-encryption-aws-kms-key-id"] == key
    assert request.headers["x-amz-storage-class"] == "STANDARD_IA"
    assert request.headers["x-amz-acl"] == "bucket-owner-full-control"
    signed = request.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert {"content-md5", "x-amz-acl", "x-amz-storage-class"} <= set(signed)


def test_a_merge_overwrites_only_the_version_that_it_read() -> None:
    flow = S3().deliver(UPDATED, config(serverSideEncryption="AES256"), 0)
    found = text_response(200, '{"assetId": "asset-123"}', etag='"abc"')
    _, (_, write) = play(flow, found, text_response(200))
    assert write.headers["If-Match"] == '"abc"'
    assert write.headers["x-amz-server-side-encryption"] == "AES256"
    _, (_, create) = play(S3().deliver(UPDATED, config(), 0), error_answer(404, "NoSuchKey"), text_response(200))
    assert create.headers["If-None-Match"] == "*"


def test_a_server_without_conditional_writes_gets_unconditional_ones() -> None:
    answers = [error_answer(404, "NoSuchKey"), error_answer(501, "NotImplemented"), text_response(200)]
    _, (_, _, write) = play(S3().deliver(UPDATED, config(), 0), *answers)
    assert "If-None-Match" not in write.headers


def test_a_document_that_is_deleted_during_a_merge_is_created_again() -> None:
    found = text_response(200, '{"assetId": "asset-123"}', etag='"abc"')
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 404 if the object is gone by then
    gone = error_answer(404, "NoSuchKey")
    _, requests = play(S3().deliver(UPDATED, config(), 0), found, gone, gone, text_response(200))
    assert requests[-1].headers["If-None-Match"] == "*"


def test_after_repeated_conflicts_a_merge_is_retried_later() -> None:
    answers = [error_answer(404, "NoSuchKey"), error_answer(412, "PreconditionFailed")] * 3
    with pytest.raises(Conflict) as caught:
        play(S3().deliver(UPDATED, config(), 0), *answers)
    assert caught.value.fault == "service"


def test_other_events_are_ignored() -> None:
    assert play(S3().deliver(REPORT, config(), 0)) == (None, [])
