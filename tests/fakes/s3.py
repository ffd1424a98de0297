"""S3 interfaces on 127.0.0.1 that others have written: moto's server, and s3rver for Node.js."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import requests
from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.server import ThreadedMotoServer

from tests.services import end_with_parent
from tests.tools import tool
from tests.waiting import wait_until

S3RVER_KEY = "S3RVER"  # its only access key, and the secret of that: lib/models/account.js


@contextmanager
def s3_server(bucket: str) -> Iterator[tuple[str, Any]]:
    """Its address, and boto3's client to look at its content."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        requests.post(f"{url}/moto-api/reset", timeout=60)  # all of moto's servers in a process share their content
        client = boto_client("s3", url)
        client.create_bucket(Bucket=bucket)
        yield url, client
    finally:
        server.stop()


def boto_client(service: str, url: str, key: str = "other") -> Any:
    """A client of a server at `url`, for example for the service `iam`."""
    own = {"aws_access_key_id": key, "aws_secret_access_key": key}
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", **own)


def access_key(url: str, bucket: str, actions: list[str]) -> dict[str, str]:
    """The configuration's access key of a new user of moto's server, with the permission for `actions` only."""
    iam = boto_client("iam", url)
    name = f"user-{uuid4()}"
    statement = {
        "Effect": "Allow",
        "Action": actions,
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}


@contextmanager
def with_permissions_checked() -> Iterator[None]:
    """Lets moto verify signatures and permissions: https://docs.getmoto.org/en/latest/docs/iam.html"""
    before = settings.INITIAL_NO_AUTH_ACTION_COUNT
    settings.INITIAL_NO_AUTH_ACTION_COUNT = ActionAuthenticatorMixin.request_count = 0
    try:
        yield
    finally:
        settings.INITIAL_NO_AUTH_ACTION_COUNT = before


@contextmanager
def s3rver(bucket: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """As `s3_server`, of an s3rver that keeps its files in `folder`: https://github.com/jamhall/s3rver"""
    node, script = tool("node"), f"{tool('s3rver')}/bin/s3rver.js"
    own = ["--directory", str(folder / "files"), "--address", "127.0.0.1", "--port", "0", "--configure-bucket", bucket]
    log = folder / "s3rver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node, script, *own], stdout=output, stderr=subprocess.STDOUT, preexec_fn=end_with_parent
        )
    try:
        wait_until(lambda: process.poll() is not None or b"listening on" in log.read_bytes(), "s3rver listens")
        found = re.search(r"listening on (\S+:\d+)", log.read_text())
        assert found, log.read_text()
        url = f"http://{found[1]}"
        yield url, boto_client("s3", url, S3RVER_KEY)
    finally:
        process.kill()
        process.wait()
