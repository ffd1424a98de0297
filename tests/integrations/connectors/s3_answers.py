"""A configuration of S3, and the error documents that S3 and servers like it answer with."""

from typing import Any
from xml.sax.saxutils import escape

from integrations.connectors.s3 import S3
from integrations.core.http import Response
from tests.flows import text_response

CONFIG = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "bucket": "my-asset-bucket",
    "pathPrefix": "assets/",
}


def config(**more: Any) -> S3.Config:
    return S3.Config.parse({**CONFIG, **more})


def error_answer(status: int, code: str, said: str = "It <failed>.", more: str = "", **headers: str) -> Response:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{escape(said)}</Message>{more}</Error>'
    return text_response(status, text, **headers)
