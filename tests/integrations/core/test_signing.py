"""Vectors made with `openssl dgst -sha256 -hmac`, and the code of docs/verifying-webhooks.md on what is sent."""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integrations.core.signing import (
    ROTATION_OVERLAP_SECONDS,
    SigningSecrets,
    asymmetric_signature,
    generate_private_key,
    invenicum_headers,
    private_key,
    verification_key,
)
from invenicum.demo.receiver import verify_invenicum
from tests.tools import needs, tool

BODY = b'{"test": 2432232314}'
NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0"
BY_NEW = "sha256=80ec8a89ce3cd22133a1066caecb4d04fea7467657c8514d717ec42c38a5c94c"
BY_OLD = "sha256=52c33136ec2eeefee2a423f49f075db9430de33930cb15d6f588094bf6e476da"
ROTATED_AT = 1_772_879_400
UNTIL = ROTATED_AT + ROTATION_OVERLAP_SECONDS
HALF = ROTATED_AT + ROTATION_OVERLAP_SECONDS // 2
ROTATED = SigningSecrets(NEW, OLD, UNTIL)

FIRST_HALF = {"X-Invenicum-Signature": BY_OLD, "X-Invenicum-Signature-Next": BY_NEW}
SECOND_HALF = {"X-Invenicum-Signature": BY_NEW, "X-Invenicum-Signature-Previous": BY_OLD}
AFTERWARDS = {"X-Invenicum-Signature": BY_NEW}

PAGE = (Path(__file__).parents[3] / "docs/verifying-webhooks.md").read_text()
# Calls a function of the page for each case on standard input.
CALL = """
const {payload, cases} = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(cases.map(([given, secret]) => %s(payload, given, secret))));
"""


def on_the_page(language: str) -> str:
    """The page's code in a language that does not start a server; what several blocks import, once."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    code = "".join(block for block in blocks if "serve_forever" not in block)
    imports = "const crypto = require('crypto');\n"
    return imports + code.replace(imports, "") if language == "js" else code


def in_node(function: str, cases: list[Any]) -> Any:
    given = json.dumps({"payload": BODY.decode(), "cases": cases})
    command = [tool("node"), "-e", on_the_page("js") + CALL % function]
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(ran.stdout)


# Svix, the reference: https://github.com/svix/svix-webhooks, `test_asymmetric_key_signing` of its server.
PRIVATE_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
ASYMMETRIC = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
}
SEED_ONLY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc="


@pytest.mark.parametrize("secret", [PRIVATE_KEY, SEED_ONLY])
def test_a_known_private_key_gives_the_known_signature(secret: str) -> None:
    key = private_key(secret)
    assert asymmetric_signature([key], ASYMMETRIC["webhook-id"], 1614265330, BODY) == ASYMMETRIC["webhook-signature"]
    assert verification_key(secret) == PUBLIC_KEY


@pytest.mark.parametrize(
    "secret",
    [PUBLIC_KEY, PRIVATE_KEY[:-4], PRIVATE_KEY.replace("X0dRqSKJp4", "aaaaaaaaaa"), "whsk_", "whsk_x", SEED_ONLY[:-8]],
)
def test_what_is_no_private_key_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        private_key(secret)


def test_a_new_key_pair_is_in_the_form_of_the_specification() -> None:
    made = generate_private_key()
    assert len(base64.b64decode(made.removeprefix("whsk_"))) == 64
    assert verification_key(made).startswith("whpk_")
    assert generate_private_key() != made


def test_the_code_for_public_keys_on_the_page_verifies_the_known_signature() -> None:
    page: dict[str, Any] = {}
    exec(on_the_page("python"), page)
    other = verification_key(generate_private_key())
    both = {**ASYMMETRIC, "webhook-signature": f"v1a,{'A' * 86}== {ASYMMETRIC['webhook-signature']}"}
    forged = {**ASYMMETRIC, "webhook-id": "msg_another"}
    cases = [(ASYMMETRIC, PUBLIC_KEY), (both, PUBLIC_KEY), (forged, PUBLIC_KEY), (ASYMMETRIC, other)]
    expected = [True, True, False, False]
    assert [page["verify_asymmetric"](BODY, *case) for case in cases] == expected
    assert in_node("verifyAsymmetric", cases) == expected


@pytest.mark.parametrize(
    ("now", "headers"),
    [
        (ROTATED_AT, FIRST_HALF),
        (HALF - 1, FIRST_HALF),
        (HALF, SECOND_HALF),
        (UNTIL - 1, SECOND_HALF),
        (UNTIL, AFTERWARDS),
        (UNTIL + 10**9, AFTERWARDS),
    ],
)
def test_the_old_secret_signs_the_first_half_of_a_rotation_and_the_new_one_the_second(
    now: int, headers: dict[str, str]
) -> None:
    assert invenicum_headers(ROTATED, now, BODY) == headers


def test_without_a_rotation_one_header_is_sent() -> None:
    assert invenicum_headers(SigningSecrets(NEW), ROTATED_AT, BODY) == AFTERWARDS
    assert SigningSecrets(NEW).valid_at(ROTATED_AT) == (NEW,)


def test_the_new_secret_comes_first_in_what_standard_webhooks_signs() -> None:
    assert [ROTATED.valid_at(now) for now in (ROTATED_AT, HALF, UNTIL)] == [(NEW, OLD), (NEW, OLD), (NEW,)]


EITHER = [(now, secret) for now in (ROTATED_AT, HALF - 1, HALF, UNTIL - 1) for secret in (OLD, NEW)]


@needs("node")
def test_a_receiver_as_in_the_specification_verifies_if_it_changes_its_secret_in_the_middle() -> None:
    moments = [(ROTATED_AT, OLD), (HALF - 1, OLD), (HALF, NEW), (UNTIL, NEW), (HALF, OLD)]
    cases = [(invenicum_headers(ROTATED, now, BODY)["X-Invenicum-Signature"], secret) for now, secret in moments]
    assert in_node("verifyWebhook", cases) == [True, True, True, True, False]


@needs("node")
def test_the_pages_code_for_node_verifies_with_either_secret_throughout() -> None:
    def headers(now: int) -> dict[str, str]:
        return lowered(invenicum_headers(ROTATED, now, BODY))

    cases: list[Any] = [(headers(now), secret) for now, secret in EITHER]
    wrong: list[Any] = [
        (headers(UNTIL), OLD),
        (headers(HALF), "another"),
        ({}, NEW),
        ({"x-invenicum-signature": "é"}, NEW),
    ]
    assert in_node("verifyAny", cases + wrong) == [True] * len(cases) + [False] * len(wrong)


def test_the_pages_code_for_python_and_our_receiver_verify_with_either_secret_throughout() -> None:
    page: dict[str, Any] = {}
    exec(on_the_page("python"), page)
    for verify in (page["verify_any"], lambda body, headers, secret: verify_invenicum(lowered(headers), body, secret)):
        assert all(verify(BODY, invenicum_headers(ROTATED, now, BODY), secret) for now, secret in EITHER)
        assert not verify(BODY, invenicum_headers(ROTATED, UNTIL, BODY), OLD)
        assert not verify(BODY, invenicum_headers(ROTATED, HALF, BODY), "another")
        assert not verify(BODY, {"X-Invenicum-Signature-Next": "é"}, NEW)


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
