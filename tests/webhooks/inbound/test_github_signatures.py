"""Hooks that GitHub's own project signs are verified, whatever is in them.

`make payloads` installs its npm package.
"""

import json
import subprocess

from invenicum.accounts.models import User
from tests.inbound import SECRET, connect, post
from tests.tools import needs, tool

# https://github.com/octokit/webhooks-methods.js#sign
SIGN = """
import { readFileSync } from "node:fs";
import { sign } from "@octokit/webhooks-methods";
const { secret, bodies } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(await Promise.all(bodies.map((body) => sign(secret, body)))));
"""
REPOSITORY = {"repository": {"full_name": "my-org/asset-repo"}}
BODIES = [
    json.dumps(REPOSITORY),
    json.dumps({**REPOSITORY, "sender": {"login": "Zoë 🦊\u2028"}}, ensure_ascii=False),
    json.dumps({**REPOSITORY, "commits": [{"message": "a\r\nb\t\\"}]}, indent=2) + "\n",
]

pytestmark = needs("node", "octokit's signer")


def signatures(secret: str, bodies: list[str]) -> list[str]:
    given = json.dumps({"secret": secret, "bodies": bodies})
    command = [tool("node"), "--input-type=module", "-e", SIGN]
    packages = tool("octokit's signer")
    ran = subprocess.run(command, input=given, cwd=packages, capture_output=True, text=True, timeout=60, check=True)
    found: list[str] = json.loads(ran.stdout)
    return found


def test_what_octokit_signs_is_verified_and_nothing_else(alice: User) -> None:
    integration = connect(alice, "github")
    signed = signatures(SECRET, BODIES)
    for path in ("github", f"github/{integration.pk}"):
        for number, (body, signature) in enumerate(zip(BODIES, signed, strict=True)):
            headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": f"{path}-{number}"}
            sent = post(path, body.encode(), {**headers, "X-Hub-Signature-256": signature})
            assert sent.status_code == 202, body
            altered = post(path, body.encode() + b" ", {**headers, "X-Hub-Signature-256": signature})
            assert altered.status_code == 401
    (other,) = signatures("another-secret", BODIES[:1])
    refused = post("github", BODIES[0].encode(), {"X-GitHub-Event": "push", "X-Hub-Signature-256": other})
    assert refused.status_code == 401
