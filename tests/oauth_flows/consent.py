"""A person with an account at the provider: signs in there, and says yes or no. Plain HTTP, no browser."""

from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, build_opener


class NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Consent:
    def __init__(self, provider: str):
        self._provider = provider
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), NoRedirect())
        page = self._open(f"{provider}/login?next=/me")
        self._open(f"{provider}/login?next=/me", _fields(page.read().decode()) | {"username": "ada", "password": "ada"})

    def allow(self, authorization_url: str) -> dict[str, str]:
        """What the provider adds to the callback's address when Ada agrees."""
        return self._answer(authorization_url, {"allow": "Authorize"})

    def deny(self, authorization_url: str) -> dict[str, str]:
        return self._answer(authorization_url, {})

    def _answer(self, authorization_url: str, choice: dict[str, str]) -> dict[str, str]:
        page = self._open(authorization_url)
        assert page.status == 200, page.headers
        answer = self._open(authorization_url, _fields(page.read().decode()) | choice)
        assert answer.status == 302
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def _open(self, url: str, fields: dict[str, str] | None = None) -> Any:
        try:
            return self._opener.open(url, urlencode(fields).encode() if fields else None)
        except HTTPError as answer:
            if answer.status == 302:
                return answer
            raise


class _HiddenFields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        given = dict(attributes)
        if tag == "input" and given.get("type") == "hidden":
            self.found[given["name"]] = given.get("value") or ""


def _fields(page: str) -> dict[str, str]:
    """The hidden fields of a form."""
    parser = _HiddenFields()
    parser.feed(page)
    return parser.found
