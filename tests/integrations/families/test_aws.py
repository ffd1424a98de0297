from datetime import datetime

import pytest
from botocore.loaders import Loader

from integrations.core.http import Request
from integrations.families.aws import dns_suffix, is_aws_region, sign_s3


def test_the_example_of_the_s3_manual_gets_the_signature_of_the_manual(monkeypatch: pytest.MonkeyPatch) -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "List objects"
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2013, 5, 24))
    request = Request("GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J")
    key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    signed = sign_s3(request, "AKIAIOSFODNN7EXAMPLE", key, None, "us-east-1")
    assert signed.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )
    assert (signed.method, signed.url, signed.body) == (request.method, request.url, b"")


def test_each_region_that_botocore_knows_is_in_its_partition() -> None:
    found = 0
    for partition in Loader().load_data("partitions")["partitions"]:
        regions = [region for region in partition["regions"] if not region.endswith("-global")]
        assert all(map(is_aws_region, regions))
        assert {dns_suffix(region) for region in regions} == {partition["outputs"]["dnsSuffix"]}
        found += len(regions)
    assert found > 40
    assert not any(map(is_aws_region, ["us-west-004", "fr-par", "garage", "auto", "fsn1", "eu-001", "Frankfurt"]))
