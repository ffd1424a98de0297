import json
import socket
from typing import Any

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
from integrations.core.http import Request, Response
from integrations.egress.curl import run_flow
from integrations.families.documents import Conflict
from tests.fakes.s3 import s3_server
from tests.flows import CREATED, DELETED, PING, REPORT, UPDATED, play, text_response

CONFIG = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "bucket": "my-asset-bucket",
    "pathPrefix": "assets/",
}
BUCKET = "https://my-asset-bucket.s3.us-east-1.amazonaws.com"


def config(**more: Any) -> S3.Config:
    return S3.Config.parse({**CONFIG, **more})


def error_answer(status: Any, code: Any, more: str = "", **headers: Any) -> Response:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>It &lt;failed&gt;.</Message>{more}</Error>'
    return text_response(status, text, **headers)


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
        ("region", "Frankfurt", "for example us-east-1"),
        ("region", "auto", "required with the region auto"),
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


def test_the_test_lists_below_the_prefix_and_writes_nothing() -> None:
    answer = text_response(200, "<ListBucketResult/>", x_amz_bucket_region="us-east-1")
    result, (request,) = play(S3().test(config()), answer)
    assert (request.method, request.url) == ("GET", f"{BUCKET}/?list-type=2&max-keys=1&prefix=assets%2F")
    assert result.metadata == {"bucket": "my-asset-bucket", "region": "us-east-1"}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (error_answer(403, "InvalidAccessKeyId"), AuthFailed, "check accessKeyId"),
        (error_answer(403, "SignatureDoesNotMatch"), AuthFailed, "check accessKeyId and secretAccessKey"),
        (error_answer(400, "ExpiredToken"), AuthFailed, "create new credentials"),
        (error_answer(403, "AccessDenied"), AuthFailed, "s3:PutObject"),
        (error_answer(403, "RequestTimeTooSkewed"), ConnectionFailed, "clock"),
        (error_answer(404, "NoSuchBucket"), InvalidConfig, "no bucket my-asset-bucket"),
        (
            error_answer(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
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
        play(S3().test(config()), error_answer(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"))
    assert caught.value.details == {"region": ["must be eu-west-1"]}


def test_a_document_too_large_is_not_retried() -> None:
    with pytest.raises(Rejected):
        play(S3().deliver(CREATED, config(), 0), error_answer(400, "EntityTooLarge"))


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


def test_after_repeated_conflicts_a_merge_is_retried_later() -> None:
    answers = [error_answer(404, "NoSuchKey"), error_answer(412, "PreconditionFailed")] * 3
    with pytest.raises(Conflict) as caught:
        play(S3().deliver(UPDATED, config(), 0), *answers)
    assert not caught.value.permanent


def test_other_events_are_ignored() -> None:
    assert play(S3().deliver(REPORT, config(), 0)) == (None, [])


def test_an_asset_is_written_changed_and_removed_in_a_real_bucket() -> None:
    with s3_server("my-asset-bucket") as (url, client):

        def stored() -> list[Any]:
            listed = client.list_objects_v2(Bucket="my-asset-bucket").get("Contents", [])
            return [entry["Key"] for entry in listed]

        s3, own = S3(), config(endpointUrl=url)
        run_flow(s3.deliver(PING, own, 0))
        assert stored() == []
        run_flow(s3.deliver(CREATED, own, 0))
        run_flow(s3.deliver(UPDATED, own, 0))
        assert stored() == ["assets/asset-123.json"]
        document = json.load(client.get_object(Bucket="my-asset-bucket", Key="assets/asset-123.json")["Body"])
        assert document["name"] == "Hero Image.jpg"
        assert document["tags"] == ["featured"]
        run_flow(s3.deliver(DELETED, own, 0))
        run_flow(s3.deliver(DELETED, own, 0))
        assert stored() == []
        with pytest.raises(InvalidConfig, match="no bucket somebody-elses"):
            run_flow(s3.test(config(endpointUrl=url, bucket="somebody-elses")))
        override = S3({"apiUrl": url})
        assert run_flow(override.test(config())).metadata["bucket"] == "my-asset-bucket"
