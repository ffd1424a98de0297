"""AWS Signature Version 4 for S3, and AWS's regions. Pure."""

import hmac
import re
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import SplitResult, urlsplit

from ..core.http import Request

ALGORITHM = "AWS4-HMAC-SHA256"
# Proxies may change them on the way.
UNSIGNED_HEADERS = frozenset({"authorization", "connection", "expect", "transfer-encoding", "user-agent"})

# The domain of a region's services by the begin of its code, if it is not amazonaws.com:
# https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2}")


def is_aws_region(region: str) -> bool:
    """Whether the code has the form of AWS's, like `us-east-1` and `eusc-de-east-1`, in any of its partitions."""
    return REGION.fullmatch(region) is not None


def dns_suffix(region: str) -> str:
    """The domain of AWS's services in a region: `amazonaws.com.cn` for `cn-north-1`."""
    return next((suffix for prefix, suffix in DNS_SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")


def sign_s3(
    request: Request,
    key_id: str,
    secret_key: str,
    session_token: str | None,
    region: str,
    now: datetime | None = None,
) -> Request:
    """`request` with the headers that authorise it at S3, including the hash of its body.

    The path and the query of its address must be encoded as S3 does, with %20 and upper-case digits. `now`, in UTC, is
    when it is signed; S3 allows a difference of 15 minutes.
    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    time = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    url = urlsplit(request.url)
    body_hash = sha256(request.body).hexdigest()
    headers = {**request.headers, "X-Amz-Date": time, "X-Amz-Content-SHA256": body_hash}
    if session_token:
        headers["X-Amz-Security-Token"] = session_token
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed = dict(sorted(({"host": _host(url)} | signed).items()))
    for name in UNSIGNED_HEADERS & signed.keys():
        del signed[name]
    names = ";".join(signed)
    pairs = sorted(part.partition("=")[::2] for part in url.query.split("&") if part)  # by name, then by value
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = [f"{name}:{value}" for name, value in signed.items()]
    canonical = "\n".join((request.method, url.path or "/", query, *lines, "", names, body_hash))
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    to_sign = "\n".join((ALGORITHM, time, scope, sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["Authorization"] = f"{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return Request(request.method, request.url, headers, request.body)


def _host(url: SplitResult) -> str:
    """The header `Host` that an HTTP client sends: with the port, if it is not that of the scheme."""
    host = url.netloc.rpartition("@")[2]
    return host.removesuffix({"https": ":443", "http": ":80"}.get(url.scheme, ":"))
