"""The files that a request writes, read from what would be sent. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from integrations.core.preview import Preview

_PART = re.compile(r"\r\n\r\n(.*?)\r\n--", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """A file: its path at the service, empty if the request does not tell, its text, and the message of its commit."""

    path: str
    text: str
    note: str = ""


def documents_in(integration_type: str, request: Preview) -> list[Document]:
    """The files in a request to a storage service or a Git platform; none in one that writes no file."""
    if request.method == "DELETE" or not request.body:
        return []
    try:
        match integration_type:
            case "github":
                return _github(request, json.loads(request.body))
            case "gitlab":
                return _gitlab(json.loads(request.body))
            case "bitbucket":
                return _bitbucket(dict(parse_qsl(request.body)))
            case "s3":
                return [Document(unquote(urlsplit(request.url).path).lstrip("/"), request.body)]
            case "dropbox":
                return _dropbox(request)
            case "google_drive":
                return _google_drive(request.body)
    except (ValueError, LookupError, TypeError):
        pass  # it was cut off, or it is a request of another kind
    return []


def _github(request: Preview, payload: Mapping[str, Any]) -> list[Document]:
    path = unquote(urlsplit(request.url).path.partition("/contents/")[2])
    return [Document(path, base64.b64decode(payload["content"]).decode(), _first_line(payload["message"]))]


def _gitlab(payload: Mapping[str, Any]) -> list[Document]:
    note = _first_line(payload["commit_message"])
    return [
        Document(action["file_path"], action["content"], note) for action in payload["actions"] if "content" in action
    ]


def _bitbucket(form: Mapping[str, str]) -> list[Document]:
    note = _first_line(form["message"])
    return [Document(name.lstrip("/"), text, note) for name, text in form.items() if name.startswith("/")]


def _dropbox(request: Preview) -> list[Document]:
    return [Document(json.loads(request.headers["Dropbox-API-Arg"])["path"], request.body)]


def _google_drive(body: str) -> list[Document]:
    parts = _PART.findall(body)
    if len(parts) == 2:  # https://developers.google.com/workspace/drive/api/guides/manage-uploads#multipart
        return [Document(json.loads(parts[0]).get("name", ""), parts[1])]
    return [Document("", body)]


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
