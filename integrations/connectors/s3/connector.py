from typing import Annotated, ClassVar
from urllib.parse import quote, urlencode

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ...core.connector import Category, TestResult
from ...core.errors import AuthFailed, ConnectionFailed, IntegrationError
from ...core.fields import PathPrefix
from ...core.http import Flow
from ...core.markers import AssetEvents, SentTo
from ...families.aws import dns_suffix, is_aws_region
from ...families.documents import ABSENT, Conflict, DocumentConfig, DocumentConnector, Stored, document_path
from .errors import element, s3_error
from .fields import (
    AccessKeyId,
    Acl,
    Bucket,
    Encryption,
    EndpointUrl,
    KmsKeyId,
    Region,
    SecretAccessKey,
    SessionToken,
    StorageClass,
)
from .signed_requests import object_headers, signed

# What the test writes and removes. No document has a name without `.json`.
PROBE_NAME = "invenicum-connection-test"
PROBE = b'{"note": "Invenicum wrote this to test the connection. It may be deleted."}\n'


class S3(DocumentConnector):
    type = "s3"
    name = "Amazon S3"
    category = Category.STORAGE
    description = "Keeps one JSON document an asset in a bucket, on AWS or any S3-compatible server."
    setup: ClassVar[str] = """\
1. Create a bucket, or choose one, and note its region.
2. In IAM, create a user for Invenicum with a policy that allows `s3:ListBucket` on the bucket, and `s3:GetObject`,
   `s3:PutObject` and `s3:DeleteObject` on `<bucket>/<pathPrefix>*`. With `acl` it needs `s3:PutObjectAcl` too, with a
   KMS key `kms:GenerateDataKey` and `kms:Decrypt` on the key.
3. Create an access key for that user and paste both halves here.
4. For MinIO, Garage, Ceph, Cloudflare R2, Backblaze B2, Wasabi, Scaleway, OVHcloud, Hetzner and similar servers, give
   the server's address as `endpointUrl`, and as `region` what the server calls its region, whatever its form: `fr-par`,
   `us-west-004`, `garage`, `auto`.

The *Test* lists the prefix, then writes, reads and deletes the object `<pathPrefix>invenicum-connection-test`, so that
a key that may not do one of these fails with the name of the permission. If the key may not delete, the object stays:
delete it yourself. In a bucket with versions each test leaves a version and a delete marker.

Every document is written with its checksum, as Object Lock requires. A bucket with a default retention works: a
document that is deleted or overwritten stays as an older version until its retention ends.

Optional:

- `serverSideEncryption` `aws:kms` with `kmsKeyId` encrypts with your own key: its id, or its ARN if another account
  owns it. Without them AWS encrypts with keys of S3; give `AES256` if a policy of the bucket asks for it.
- `storageClass`, for example `INTELLIGENT_TIERING`. `GLACIER` and `DEEP_ARCHIVE` are refused, because documents are
  read again. Classes for infrequent access bill at least 128 KB an object.
- `acl` `bucket-owner-full-control` lets the owner of a bucket in another account read the documents. Most buckets have
  no access control lists, and refuse every other value.
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
        server_side_encryption: Encryption | None = None
        kms_key_id: KmsKeyId | None = None
        storage_class: StorageClass | None = None
        acl: Acl | None = None
        events: AssetEvents = list(ASSET_EVENTS)

        @field_validator("endpoint_url")
        @classmethod
        def _needed_outside_aws(cls, url: str | None, info: ValidationInfo) -> str | None:
            region = info.data.get("region")
            if url is None and region and not is_aws_region(region):
                words = "is required with the region {region}, which is none of AWS: theirs are like us-east-1"
                raise PydanticCustomError("needed", words, {"region": region})
            return url

        @field_validator("kms_key_id")
        @classmethod
        def _used_with_kms(cls, key: str | None, info: ValidationInfo) -> str | None:
            if key and not (info.data.get("server_side_encryption") or "").startswith("aws:kms"):
                raise PydanticCustomError("unused", "needs serverSideEncryption aws:kms or aws:kms:dsse")
            return key

    def test(self, config: Config) -> Flow[TestResult]:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
        query = urlencode({"list-type": "2", "max-keys": "1", "prefix": config.path_prefix}, quote_via=quote)
        response = yield signed("GET", f"{self._bucket_url(config)}/?{query}", config)
        if not response.ok:
            raise s3_error(response, config, "s3:ListBucket")
        if b"<ListBucketResult" not in response.body:
            raise ConnectionFailed("The answer was not that of an S3 server: check endpointUrl.")
        region = response.headers.get("x-amz-bucket-region", config.region)
        yield from self._write_and_remove_probe(config)
        return TestResult(
            f"Successfully connected to bucket {config.bucket}", {"bucket": config.bucket, "region": region}
        )

    def _write_and_remove_probe(self, config: Config) -> Flow[None]:
        path = document_path(config.path_prefix, PROBE_NAME)
        yield from self._put(path, PROBE, {}, config)
        read_error = None
        try:
            yield from self.read(path, config)
        except IntegrationError as error:
            read_error = error  # once the probe is removed
        try:
            yield from self._delete(path, config)
        except AuthFailed as error:
            raise AuthFailed(f"{error.message} The test has left the object {path} behind.") from None
        if read_error:
            raise read_error

    def read(self, path: str, config: Config) -> Flow[Stored]:
        response = yield signed("GET", self._object_url(path, config), config)
        if response.status == 404 and element(response, "Code") != "NoSuchBucket":
            return ABSENT
        if not response.ok:
            raise s3_error(response, config, "s3:GetObject")
        return Stored(response.body, response.headers.get("etag", ""))

    def write(self, path: str, content: bytes, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        condition = {}
        if found:
            condition = {"If-Match": found.version} if found.version else {"If-None-Match": "*"}
        yield from self._put(path, content, condition, config)

    def remove(self, path: str, found: Stored | None, message: Message, config: Config) -> Flow[None]:
        yield from self._delete(path, config)

    def _put(self, path: str, content: bytes, condition: dict[str, str], config: Config) -> Flow[None]:
        url, headers = self._object_url(path, config), object_headers(content, config)
        response = yield signed("PUT", url, config, headers | condition, content)
        if response.status == 501 and condition:  # not every S3-compatible server supports conditional writes
            response = yield signed("PUT", url, config, headers, content)
        if condition and element(response, "Code") == "NoSuchKey":
            raise Conflict("The object was deleted while it was written.")
        if not response.ok:
            raise s3_error(response, config, "s3:PutObject")

    def _delete(self, path: str, config: Config) -> Flow[None]:
        response = yield signed("DELETE", self._object_url(path, config), config)
        if not response.ok and element(response, "Code") != "NoSuchKey":
            raise s3_error(response, config, "s3:DeleteObject")

    def _bucket_url(self, config: Config) -> str:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
        default = f"https://s3.{config.region}.{dns_suffix(config.region)}"
        base = (config.endpoint_url or self.endpoint("apiUrl", default)).rstrip("/")
        path_style = base != default if config.force_path_style is None else config.force_path_style
        # A wildcard certificate does not cover a bucket's name with a dot.
        if path_style or "." in config.bucket:
            return f"{base}/{config.bucket}"
        scheme, _, host = base.partition("://")
        return f"{scheme}://{config.bucket}.{host}"

    def _object_url(self, path: str, config: Config) -> str:
        return f"{self._bucket_url(config)}/{quote(path)}"
