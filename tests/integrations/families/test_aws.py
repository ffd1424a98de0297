from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.http import Request
from integrations.families.aws import dns_suffix, is_aws_region, sign_s3

# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature calculations"
KEY_ID, SECRET_KEY = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
MAY_24 = datetime(2013, 5, 24, tzinfo=UTC)
BUCKET = "https://examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("request_", "signed_headers", "signature"),
    [
        (
            Request("GET", f"{BUCKET}/test.txt", {"Range": "bytes=0-9"}),
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Request(
                "PUT",
                f"{BUCKET}/test%24file.text",
                {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
                b"Welcome to Amazon S3.",
            ),
            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Request("GET", f"{BUCKET}/?lifecycle"),
            "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Request("GET", f"{BUCKET}/?max-keys=2&prefix=J"),
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_s3_manual_get_the_signatures_of_the_manual(
    request_: Request, signed_headers: str, signature: str
) -> None:
    signed = sign_s3(request_, KEY_ID, SECRET_KEY, None, "us-east-1", MAY_24)
    assert signed.headers["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders={signed_headers}, Signature={signature}"
    )
    assert (signed.method, signed.url, signed.body) == (request_.method, request_.url, request_.body)


@given(
    st.sampled_from(["GET", "PUT", "DELETE", "POST"]),
    st.sampled_from(["https://b.s3.eu-west-1.amazonaws.com", "http://localhost:9000", "https://s3.test:443"]),
    st.text(),
    st.dictionaries(st.text(), st.text(), max_size=4),
    st.dictionaries(
        st.from_regex(r"\A[A-Za-z][A-Za-z-]{0,9}[a-z]\Z"), st.text(st.characters(min_codepoint=32, max_codepoint=126))
    ),
    st.binary(max_size=99),
    st.sampled_from([None, "a/token+=="]),
)
@settings(max_examples=200, deadline=None)
def test_any_request_is_signed_as_by_the_sdk_of_amazon(
    method: str,
    host: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    token: str | None,
) -> None:
    headers = {name.lower(): value for name, value in headers.items()}
    url = f"{host}/{quote(path, safe='/~')}?{urlencode(query, quote_via=quote, safe='~')}"
    signed = sign_s3(Request(method, url, headers, body), KEY_ID, SECRET_KEY, token, "eu-west-1", MAY_24)
    theirs = AWSRequest(method, url, headers=headers, data=body)
    with patch("botocore.auth.get_current_datetime", lambda: MAY_24.replace(tzinfo=None)):
        S3SigV4Auth(Credentials(KEY_ID, SECRET_KEY, token), "s3", "eu-west-1").add_auth(theirs)
    assert signed.headers == dict(theirs.headers)


def test_each_region_that_botocore_knows_is_in_its_partition() -> None:
    found = 0
    for partition in Loader().load_data("partitions")["partitions"]:
        regions = [region for region in partition["regions"] if not region.endswith("-global")]
        assert all(map(is_aws_region, regions))
        assert {dns_suffix(region) for region in regions} == {partition["outputs"]["dnsSuffix"]}
        found += len(regions)
    assert found > 40
    assert not any(map(is_aws_region, ["us-west-004", "fr-par", "garage", "auto", "fsn1", "eu-001", "Frankfurt"]))
