"""The signature headers of services, made from the body as each service makes them."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .scenario import Headers

Sign = Callable[[bytes], Headers]

SECRET = "hook-secret-0001"
SLACK_SECRET = "8f742231b10e8888abcd99aaabbb85a5"
DISCORD_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DISCORD_PUBLIC_KEY = DISCORD_KEY.public_key().public_bytes_raw().hex()


def github(event: str = "push", delivery: str = "d-1", secret: str = SECRET) -> Sign:
    names = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    return lambda body: {**names, "X-Hub-Signature-256": f"sha256={_hex(secret, body)}"}


def bitbucket(event: str = "repo:push", secret: str = SECRET) -> Sign:
    names = {"X-Event-Key": event, "X-Request-UUID": "r-1"}
    return lambda body: {**names, "X-Hub-Signature": f"sha256={_hex(secret, body)}"}


def gitlab(token: str, age: int = 0) -> Sign:
    """With a signing token: the Standard Webhooks headers."""

    def sign(body: bytes) -> Headers:
        moment, key = int(time.time()) - age, base64.b64decode(token.removeprefix("whsec_"))
        digest = hmac.digest(key, f"g-1.{moment}.".encode() + body, hashlib.sha256)
        proof = {"webhook-id": "g-1", "webhook-timestamp": str(moment)}
        proof["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return {"X-Gitlab-Event": "Push Hook", **proof}

    return sign


def slack(secret: str = SLACK_SECRET, age: int = 0) -> Sign:
    def sign(body: bytes) -> Headers:
        moment = str(int(time.time()) - age)
        signature = _hex(secret, b"v0:" + moment.encode() + b":" + body)
        return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={signature}"}

    return sign


def discord(body: bytes) -> Headers:
    moment = "1772879400"
    signature = DISCORD_KEY.sign(moment.encode() + body).hex()
    return {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": moment}


def dropbox(secret: str = "dropbox-secret") -> Sign:
    return lambda body: {"X-Dropbox-Signature": _hex(secret, body)}


def google_drive(token: str = SECRET, state: str = "change", number: int = 1) -> Headers:
    return {
        "X-Goog-Channel-ID": "{channel}",
        "X-Goog-Channel-Token": token,
        "X-Goog-Resource-State": state,
        "X-Goog-Message-Number": str(number),
        "X-Goog-Changed": "children",
    }


def _hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, hashlib.sha256).hex()
