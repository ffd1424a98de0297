"""Requests to S3, signed with the access key of a configuration, and the headers of an object that is written."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from ...core.fields import reveal
from ...core.http import Request
from ...families.aws import sign_s3


def signed(method: str, url: str, config: Any, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
    """A request to the bucket's server, with the headers that authorise it."""
    token = reveal(config.session_token) or None
    key = reveal(config.secret_access_key)
    return sign_s3(Request(method, url, headers or {}, body), config.access_key_id, key, token, config.region)


def object_headers(content: bytes, config: Any) -> dict[str, str]:
    """The headers with which `content` is stored: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""
    # Buckets with Object Lock refuse objects without a checksum. Every server knows this one, not every server
    # x-amz-checksum-sha256.
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    wanted = {
        "x-amz-server-side-encryption": config.server_side_encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": config.kms_key_id,
        "x-amz-storage-class": config.storage_class,
        "x-amz-acl": config.acl,
    }
    own = {"Content-Type": "application/json", "Content-MD5": b64encode(digest).decode()}
    return own | {name: value for name, value in wanted.items() if value}
