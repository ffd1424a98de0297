"""Requests as commands for curl, read as a shell reads them."""

import shlex

from integrations.core.curl_command import curl_command
from integrations.core.http import Request


def test_a_shell_reads_the_request_unchanged() -> None:
    body = '@{"name": "O\'Brien $(id) `id` \\\\ \n é"}'
    request = Request("POST", "https://example.com/hook?a=1&b='", {"X-One": "it's"}, body.encode())
    words = shlex.split(curl_command(request, ()).replace("\\\n", ""))
    assert words == [
        *("curl", "-i", "-X", "POST", "https://example.com/hook?a=1&b='"),
        *("-H", "X-One: it's", "--data-raw", body),
    ]


def test_hidden_values_are_left_to_be_filled_in() -> None:
    request = Request("GET", "https://example.com/hook", {"X-Api-Key": "hidden", "X-Event": "shown"})
    assert curl_command(request, ["X-Api-Key"]) == (
        "curl -i -X GET https://example.com/hook \\\n  -H 'X-Api-Key: YOUR-X-API-KEY' \\\n  -H 'X-Event: shown'"
    )
