"""Every answer says what a browser may load and run of it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from pytest_django import Settings

from invenicum.accounts.models import BrowserSession, User
from invenicum.content_policy import ADMIN, HEADER, NOTHING
from invenicum.web.answers import error_answer

PAGE = {"Accept": "text/html,application/xhtml+xml"}
PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")
SAMPLES = {"uuid": "0197e2c4-0000-7000-8000-000000000000", "int": "1"}


def addresses(resolver: Any = None, before: str = "") -> Iterator[str]:
    """An address for each route, with made-up parameters."""
    for route in (resolver or get_resolver()).url_patterns:
        own = re.sub(r"\(\?P<\w+>.*?\)(?=[/$.]|$)|\\Z|\$|\^", "", str(route.pattern))
        address = before + PARAMETER.sub(lambda found: SAMPLES.get(found[1], "x"), own).replace("\\.", ".")
        if isinstance(route, URLPattern):
            yield "/" + address
        else:
            yield from addresses(route, address)


@pytest.fixture
def browser(db: None) -> Client:
    User.objects.create_superuser("staff", password="staff")
    browser = Client(raise_request_exception=False, headers=PAGE)
    assert browser.login(username="staff", password="staff")
    return browser


def test_every_route_has_a_strict_policy(browser: Client) -> None:
    session, pages = BrowserSession.objects.get(), 0
    for address in sorted(set(addresses())):
        for method in ("get", "post"):
            answer = getattr(browser, method)(address)
            policy = answer[HEADER]
            assert "unsafe" not in policy, address
            assert "default-src 'none'" in policy, address
            assert "frame-ancestors 'none'" in policy, address
            if answer.get("Content-Type", "").startswith("text/html") and answer.content and answer.status_code != 405:
                pages += 1
                assert policy != NOTHING, f"{address} is a page without a policy of its own"
        session.save()  # one of the routes signs out
    assert pages > 50


@pytest.mark.parametrize(
    ("path", "status", "headers"),
    [
        ("/nothing", 404, {}),
        ("/assets", 401, {}),
        ("/healthz", 200, {}),
        ("/static/admin/css/base.css", 200, {}),
        ("/docs?script", 200, {}),
        ("/admin/", 302, {}),
    ],
)
def test_what_is_no_page_has_one_too(path: str, status: int, headers: dict[str, str], db: None) -> None:
    answer = Client().get(path, headers=headers)
    assert answer.status_code == status
    assert "default-src 'none'" in answer[HEADER]


def test_an_error_page_has_one_whatever_failed(browser: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.invenicum.test_content_policy"
    assert browser.get("/crash").status_code == 500
    assert "style-src 'nonce-" in browser.get("/crash")[HEADER]
    settings.ALLOWED_HOSTS = ["example.com"]
    refused = browser.get("/signin", headers={"Host": "other.example.com"})
    assert (refused.status_code, refused[HEADER][:18]) == (400, "default-src 'none'")


def test_the_admin_runs_nothing_that_is_in_a_page() -> None:
    assert "unsafe" not in ADMIN
    assert "nonce" not in ADMIN


def test_what_the_web_server_answers_itself_has_one_too() -> None:
    answer = error_answer(503, "OVERLOADED", "Too many requests at once")
    assert (HEADER.lower().encode(), NOTHING.encode()) in answer.headers


def _crash(request: Any) -> Any:
    raise ZeroDivisionError


def _urls() -> tuple[list[Any], Any]:
    from django.urls import path

    from invenicum.api import errors

    return [path("crash", _crash)], errors.server_error


urlpatterns, handler500 = _urls()
