"""AWS Signature Version 4 as a pure function, on botocore's signer, which opens no connection. Pure."""

import logging

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ..core.http import Request

# The signer writes what it signs to the debug log, including session tokens.
logging.getLogger("botocore.auth").setLevel(logging.INFO)


def sign_s3(request: Request, key_id: str, secret_key: str, session_token: str | None, region: str) -> Request:
    """`request` with the headers that authorise it at S3, including the hash of its body.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    signed = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
    S3SigV4Auth(Credentials(key_id, secret_key, session_token), "s3", region).add_auth(signed)
    return Request(request.method, request.url, dict(signed.headers), request.body)
