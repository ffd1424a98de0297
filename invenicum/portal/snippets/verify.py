import base64
import hashlib
import hmac
import time
from collections.abc import Mapping


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> bool:
    sent_at = headers["webhook-timestamp"]
    if abs(time.time() - int(sent_at)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return any(hmac.compare_digest(one.encode(), right.encode()) for one in headers["webhook-signature"].split())
