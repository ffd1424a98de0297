import html
import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import error_for, excerpt, retry_after
from ..core.connector import Category, TestResult
from ..core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited, Rejected
from ..core.fields import PathPrefix, Reachable, reveal
from ..core.http import Flow, Request, Response
from ..core.markers import AssetEvents, Matches, SentTo
from ..families.aws import sign_s3
from ..families.documents import ABSENT, Conflict, DocumentConfig, DocumentConnector, Stored

AccessKeyId = Annotated[
    str,
    Matches(r"^[A-Za-z0-9_]{3,128}$", "an access key id", "AKIAIOSFODNN7EXAMPLE"),
]
SecretAccessKey = Annotated[
    SecretStr,
    Matches(r"^[\x21-\x7e]{4,256}$", "a secret access key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
]
SessionToken = Annotated[
    SecretStr, Matches(r"^[\x21-\x7e]{1,8192}$", "a session token", "IQoJb3JpZ2luX2VjEXAMPLETOKEN")
]
Region = Annotated[str, Matches(r"^(?:auto|[a-z]{2,4}(?:-[a-z]+)+-\d{1,2})$", "the code of a region", "us-east-1")]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Bucket = Annotated[
    str,
    Matches(
        r"^(?!xn--|sthree-|amzn-s3-demo-)(?!\d{1,3}(?:\.\d{1,3}){3}$)(?!.*\.\.)"
        r"(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
        "my-asset-bucket",
    ),
]
EndpointUrl = Annotated[
    str,
    Matches(
        r"^https?://[^\s/?#@]+(?::\d{1,5})?/?$",
        "the address of an S3-compatible server, without a path",
        "https://minio.example.com:9000",
    ),
    Reachable,
    Field(max_length=2048),
]

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
WRONG_KEY_CODES = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "AuthFailure"}
EXPIRED_TOKEN_CODES = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
WRONG_REGION_CODES = {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
RATE_LIMIT_CODES = {"SlowDown", "ServiceUnavailable", "TooManyRequests", "RequestLimitExceeded"}
CONFLICT_CODES = {"PreconditionFailed", "ConditionalRequestConflict"}


class S3(DocumentConnector):
    type = "s3"
    name = "Amazon S3"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a bucket, on AWS or any S3-compatible server."
    setup: ClassVar[str] = """\
1. Create a bucket, or choose one, and note its region.
2. In IAM, create a user for Invenicum with a policy that allows `s3:ListBucket` on the bucket, and `s3:GetObject`,
   `s3:PutObject` and `s3:DeleteObject` on `<bucket>/<pathPrefix>*`.
3. Create an access key for that user and paste both halves here.
4. For MinIO, Cloudflare R2, Ceph and similar servers, give the server's address as `endpointUrl` too.
"""

    class Config(DocumentConfig):
        access_key_id: AccessKeyId
        secret_access_key: Annotated[SecretAccessKey, SentTo("endpoint_url", "region")]
        session_token: Annotated[SessionToken | None, SentTo("endpoint_url", "region")] = None
        region: Region
        bucket: Bucket
        path_prefix: PathPrefix = ""
        endpoint_url: Annotated[EndpointUrl | None, Field(validate_default=True)] = None
        force_path_style: Annotated[
            bool | None,
            Field(description="Whether addresses have the bucket in the path; by default only if endpointUrl is set"),
        ] = None
        server_side_encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = None
        events: AssetEvents = list(ASSET_EVENTS)

        @field_validator("endpoint_url")
        @classmethod
        def _needed_for_auto(cls, url: str | None, info: ValidationInfo) -> str | None:
            if url is None and info.data.get("region") == "auto":
                raise PydanticCustomError("needed", "is required with the region auto")
            return url

    def test(self, config: Config) -> Flow[TestResult]:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
        query = urlencode({"list-type": "2", "max-keys": "1", "prefix": config.path_prefix}, quote_via=quote)
        response = yield _signed("GET", f"{self._bucket_url(config)}/?{query}", config)
        if not response.ok:
            raise _error(response, config)
        if b"<ListBucketResult" not in response.body:
            raise ConnectionFailed("The answer was not that of an S3 server: check endpointUrl.")
        region = response.headers.get("x-amz-bucket-region", config.region)
        return TestResult(
            f"Successfully connected to bucket {config.bucket}", {"bucket": config.bucket, "region": region}
        )

    def read(self, path: str, config: Config) -> Flow[Stored]:
        response = yield _signed("GET", self._object_url(path, config), config)
        if response.status == 404 and _element(response, "Code") != "NoSuchBucket":
            return ABSENT
        if not response.ok:
            raise _error(response, config)
        return Stored(response.body, response.headers.get("etag", ""))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        condition = {}
        if found:
            condition = {"If-Match": found.version} if found.version else {"If-None-Match": "*"}
        headers = {"Content-Type": "application/json"}
        if config.server_side_encryption:
            headers["x-amz-server-side-encryption"] = config.server_side_encryption
        url = self._object_url(path, config)
        response = yield _signed("PUT", url, config, headers | condition, content)
        if response.status == 501 and condition:  # not every S3-compatible server supports conditional writes
            response = yield _signed("PUT", url, config, headers, content)
        if not response.ok:
            raise _error(response, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        response = yield _signed("DELETE", self._object_url(path, config), config)
        if not response.ok and _element(response, "Code") != "NoSuchKey":
            raise _error(response, config)

    def _bucket_url(self, config: Config) -> str:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
        domain = "amazonaws.com.cn" if config.region.startswith("cn-") else "amazonaws.com"
        default = f"https://s3.{config.region}.{domain}"
        base = (config.endpoint_url or self.endpoint("apiUrl", default)).rstrip("/")
        path_style = base != default if config.force_path_style is None else config.force_path_style
        # A wildcard certificate does not cover a bucket's name with a dot.
        if path_style or "." in config.bucket:
            return f"{base}/{config.bucket}"
        scheme, _, host = base.partition("://")
        return f"{scheme}://{config.bucket}.{host}"

    def _object_url(self, path: str, config: Config) -> str:
        return f"{self._bucket_url(config)}/{quote(path)}"


def _signed(
    method: str, url: str, config: S3.Config, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Request:
    token = reveal(config.session_token) or None
    key = reveal(config.secret_access_key)
    return sign_s3(Request(method, url, headers or {}, body), config.access_key_id, key, token, config.region)


def _element(response: Response, name: str) -> str:
    """One element of S3's error document. By pattern, because a parser would expand entities of an untrusted server."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", response.text)
    return excerpt(html.unescape(found[1])) if found else ""


def _error(response: Response, config: S3.Config) -> IntegrationError:
    code, said, status = _element(response, "Code"), _element(response, "Message"), response.status
    region = response.headers.get("x-amz-bucket-region") or _element(response, "Region")
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
    if code in RATE_LIMIT_CODES or status == 503:
        return RateLimited(f"S3 asks to slow down ({code or status}).", retry_after=retry_after(response))
    if code == "NoSuchBucket":
        sentence = f"There is no bucket {config.bucket} in {config.region}."
        return InvalidConfig(sentence, {"bucket": ["does not exist"]})
    if code == "EntityTooLarge":
        return Rejected("S3 refused the document as too large.")
    if status == 403:
        return AuthFailed(
            f"S3 refused access to {config.bucket} ({code or 'HTTP 403'}): the key needs s3:ListBucket, s3:GetObject, "
            f"s3:PutObject and s3:DeleteObject there."
        )
    return error_for(response, "S3", f"{code}: {said}" if code else "")
