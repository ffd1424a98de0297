"""Slack's own verifier, of @slack/bolt, and ours agree about every request.

`make payloads` installs the npm package.
"""

import json
import subprocess
from typing import Any

from integrations.connectors.slack import Slack
from tests.inbound import SIGNING_SECRET, sign
from tests.integrations.connectors.inbound_requests import config_of, inbound_of, incoming
from tests.integrations.connectors.test_slack_inbound import (
    SLACK_BODY,
    SLACK_MOMENT,
    SLACK_SECRET,
    SLACK_SIGNATURE,
)
from tests.tools import needs, tool

BODY = json.dumps({"type": "event_callback", "event": {"type": "message", "text": "Größe — ok"}}).encode()
NOW = 1_780_000_000
# Prints for each case on the standard input whether the verifier accepts it.
SCRIPT = """
const {isValidSlackRequest} = require(process.argv[1]);
const cases = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(cases.map((options) => isValidSlackRequest(options))));
"""

pytestmark = needs("node", "slack bolt")


def case(
    body: bytes = BODY,
    signature: str | None = None,
    moment: int = NOW,
    now: int = NOW,
    secret: str = SIGNING_SECRET,
) -> dict[str, Any]:
    """A request as `verifySlackRequest` takes it; signed rightly, unless `signature` is given."""
    signed = f"v0={sign(SIGNING_SECRET, b'v0:%d:%s' % (moment, body))}"
    headers = {"x-slack-request-timestamp": moment, "x-slack-signature": signed if signature is None else signature}
    return {"signingSecret": secret, "body": body.decode(), "headers": headers, "nowMilliseconds": now * 1000}


CASES = {
    "right": case(),
    "five minutes old": case(now=NOW + 300),
    "of their documentation": case(SLACK_BODY, SLACK_SIGNATURE, SLACK_MOMENT, SLACK_MOMENT, SLACK_SECRET),
    "older": case(now=NOW + 301),
    "another body": case(signature=case(BODY + b" ")["headers"]["x-slack-signature"]),
    "another secret": case(secret="0" * 32),
    "another version": case(signature=case()["headers"]["x-slack-signature"].replace("v0", "v1")),
    "no digest": case(signature="v0="),
    "nothing": case(signature=""),
}


def is_ours_valid(options: dict[str, Any]) -> bool:
    headers = {name.replace("-", "_"): str(value) for name, value in options["headers"].items()}
    request = incoming(options["body"].encode(), options["nowMilliseconds"] / 1000, **headers)
    return inbound_of(Slack).is_authentic(request, config_of(Slack), options["signingSecret"])


def test_both_accept_and_refuse_the_same_requests() -> None:
    command = [tool("node"), "-e", SCRIPT, f"{tool('slack bolt')}/dist/receivers/verify-request.js"]
    ran = subprocess.run(command, input=json.dumps(list(CASES.values())).encode(), capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    theirs = dict(zip(CASES, json.loads(ran.stdout), strict=True))
    assert theirs == {name: is_ours_valid(options) for name, options in CASES.items()}
    assert [name for name, valid in theirs.items() if valid] == ["right", "five minutes old", "of their documentation"]
