"""The types of S3's configuration fields."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from ...core.fields import Reachable
from ...core.markers import Matches

# AWS's are letters and digits. MinIO takes every text without = and , (IsAccessKeyValid and containsReservedChars in
# https://github.com/minio/minio/blob/master/internal/auth/credentials.go); a / separates the parts of the scope.
AccessKeyId = Annotated[
    str, Matches(r"^[\x21-\x2b\x2d\x2e\x30-\x3c\x3e-\x7e]{3,128}$", "an access key id", "AKIAIOSFODNN7EXAMPLE")
]
SecretAccessKey = Annotated[
    SecretStr,
    Matches(r"^[\x21-\x7e]{4,256}$", "a secret access key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
]
SessionToken = Annotated[
    SecretStr, Matches(r"^[\x21-\x7e]{1,8192}$", "a session token", "IQoJb3JpZ2luX2VjEXAMPLETOKEN")
]
# Other servers have regions of any form: us-west-004 (Backblaze), fr-par (Scaleway), gra (OVHcloud), fsn1 (Hetzner),
# garage (Garage), eu-001 (IDrive), auto (Cloudflare).
Region = Annotated[
    str, Matches(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$", "the code of a region", "us-east-1")
]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; the alias of an access point, which ends
# in -s3alias, may be used like a bucket's name:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html#access-points-alias
Bucket = Annotated[
    str,
    Matches(
        r"^(?!xn--|sthree-|amzn-s3-demo-)(?!\d{1,3}(?:\.\d{1,3}){3}$)(?!.*\.\.)"
        r"(?!.*(?:--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
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
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
Encryption = Literal["AES256", "aws:kms", "aws:kms:dsse"]
KmsKeyId = Annotated[
    str,
    Matches(
        r"^[A-Za-z0-9:/_.+=@-]{1,2048}$",
        "the id, ARN or alias of a KMS key, which encrypts the documents with serverSideEncryption aws:kms",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
]
# Servers have classes of their own beside AWS's. Documents are read again, so that archives are of no use.
StorageClass = Annotated[
    str,
    Matches(
        r"^(?!(?:GLACIER|DEEP_ARCHIVE)$)[A-Za-z0-9_-]{1,64}$",
        "a storage class whose objects can be read at once",
        "STANDARD_IA",
    ),
]
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
Acl = Literal[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
]
