"""Hooks as providers send and sign them, to `/webhooks/<type>`."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from django.test import Client

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from tests.integrations.connectors.examples import EXAMPLES

client = Client()  # shared by all tests, because it loads the middleware once
SECRET = "hook-secret-0001"
SIGNING_SECRET = "8f742231b10e8888abcd99aaabbb85a5"
SIGNING_TOKEN = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="


def connect(owner: User, integration_type: str, **changes: Any) -> Integration:
    """Saves the type's example for `owner`. A field that is `None` is left out."""
    config = {**EXAMPLES[integration_type], **changes}
    given = {name: value for name, value in config.items() if value is not None}
    return save_integration(owner, integration_type, given).integration


def sign(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def encode(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def post(path: str, body: bytes, headers: dict[str, str], content_type: str = "application/json") -> Any:
    return client.post(f"/webhooks/{path}", body, content_type, headers=headers)


def send_github(
    payload: Any, path: str = "github", secret: str = SECRET, event: str = "push", delivery: str = "d-1"
) -> Any:
    body = encode(payload)
    headers = {"X-Hub-Signature-256": f"sha256={sign(secret, body)}"}
    return post(path, body, {**headers, "X-GitHub-Event": event, "X-GitHub-Delivery": delivery})


def send_bitbucket(payload: Any, path: str = "bitbucket", secret: str = SECRET, event: str = "repo:push") -> Any:
    body = encode(payload)
    headers = {"X-Hub-Signature": f"sha256={sign(secret, body)}", "X-Event-Key": event, "X-Request-UUID": "r-1"}
    return post(path, body, headers)


def send_gitlab(payload: Any, path: str = "gitlab", event: str = "Push Hook", **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return post(path, encode(payload), {"X-Gitlab-Event": event, "Idempotency-Key": "g-1", **names})


def standard_headers(token: str, body: bytes, moment: float, message_id: str = "g-1") -> dict[str, str]:
    key = base64.b64decode(token.removeprefix("whsec_"))
    signed = f"{message_id}.{int(moment)}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment)),
        "webhook-signature": f"v1,{signature}",
    }


def slack_headers(body: bytes, secret: str = SIGNING_SECRET, age: int = 0) -> dict[str, str]:
    moment = str(int(time.time()) - age)
    signature = sign(secret, b"v0:" + moment.encode() + b":" + body)
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={signature}"}


def send_slack(payload: Any, path: str = "slack", secret: str = SIGNING_SECRET, age: int = 0) -> Any:
    body = encode(payload)
    return post(path, body, slack_headers(body, secret, age))
