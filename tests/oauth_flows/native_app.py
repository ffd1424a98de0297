"""An app on a phone, which asks with a token, and the phone's browser, which has cookies of its own."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from tests.api_client import ApiClient
from tests.oauth_flows.consent import Consent

OAUTH = "/api/v1/integrations/oauth"
START = f"{OAUTH}/start/google_drive"
CONFIRM = f"{OAUTH}/confirm"
CALLBACK = f"{OAUTH}/callback/google_drive"
RETURN_URL = "invenicum://oauth"
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def start(app: ApiClient, return_url: str = RETURN_URL) -> str:
    """The start link, as a path with its query."""
    answer = app.post(START, {"returnUrl": return_url})
    assert answer.status_code == 200, answer.content
    parts = urlsplit(answer.json()["data"]["startUrl"])
    return f"{parts.path}?{parts.query}"


def press(browser: Client, link: str, **headers: str) -> Any:
    """What the button on the link's page is answered."""
    return browser.post(link, headers={**PAGE, "Sec-Fetch-Site": "same-origin", **headers})


def consent(browser: Client, link: str, person: Consent) -> Any:
    """The answer to the callback after `person` opened the link in `browser` and agreed."""
    assert browser.get(link, headers=PAGE).status_code == 200
    redirect = press(browser, link)
    assert redirect.status_code == 302, redirect.content
    return browser.get(CALLBACK, person.allow(redirect["Location"]), headers=PAGE)


def result_of(answer: Any) -> str:
    """The result code in the address that the browser is sent to."""
    assert answer.status_code == 302, answer.content
    return parse_qs(urlsplit(str(answer["Location"])).query)["result"][0]


def confirm(app: ApiClient, result: str) -> Any:
    return app.post(CONFIRM, {"result": result})
