"""How a document is stored in Google Drive: the property that identifies it, and the body that uploads it."""

import hashlib
import json
from typing import Any

from ...core.http import encode_json

MULTIPART_BOUNDARY = "invenicum-document"


def document_mark(path: str, folder_id: str | None) -> str:
    """The value of the property that identifies the document at `path`: 64 characters, whatever the path's length.

    A property has room for 124 bytes: https://developers.google.com/workspace/drive/api/guides/properties
    """
    return hashlib.sha256(json.dumps([folder_id, path]).encode()).hexdigest()


def multipart_related(metadata: dict[str, Any], content: bytes) -> tuple[str, bytes]:
    """The content type and the body of an upload of JSON `content` with its `metadata`.

    https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
    """
    parts = (("application/json; charset=UTF-8", encode_json(metadata)), ("application/json", content))
    lines = [
        f"--{MULTIPART_BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n".encode() + part + b"\r\n" for kind, part in parts
    ]
    body = b"".join([*lines, f"--{MULTIPART_BOUNDARY}--".encode()])
    return f"multipart/related; boundary={MULTIPART_BOUNDARY}", body
