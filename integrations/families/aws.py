"""AWS Signature Version 4 as a pure function, on botocore's signer, which opens no connection; AWS's regions. Pure."""

import logging
import re

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ..core.http import Request

# The signer writes what it signs to the debug log, including session tokens.
logging.getLogger("botocore.auth").setLevel(logging.INFO)

# The domain of a region's services by the begin of its code, if it is not amazonaws.com:
# https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2}")


def is_aws_region(region: str) -> bool:
    """Whether the code has the form of AWS's, like `us-east-1` and `eusc-de-east-1`, in any of its partitions."""
    return REGION.fullmatch(region) is not None


def dns_suffix(region: str) -> str:
    """The domain of AWS's services in a region: `amazonaws.com.cn` for `cn-north-1`."""
    return next((suffix for prefix, suffix in DNS_SUFFIXES.items() if region.startswith(prefix)), "amazonaws.com")


def sign_s3(request: Request, key_id: str, secret_key: str, session_token: str | None, region: str) -> Request:
    """`request` with the headers that authorise it at S3, including the hash of its body.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    signed = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
    S3SigV4Auth(Credentials(key_id, secret_key, session_token), "s3", region).add_auth(signed)
    return Request(request.method, request.url, dict(signed.headers), request.body)
