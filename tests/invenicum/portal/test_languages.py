"""The language of the portal's pages."""

import pytest
from django.test import Client

from invenicum.accounts.models import User

from .conftest import Portal

pytestmark = pytest.mark.django_db


def language(browser: Client, address: str = "/portal", **headers: str) -> str:
    page = browser.get(address, headers=headers).content.decode()
    return page.partition('<html lang="')[2].partition('"')[0]


def test_the_language_is_that_of_the_link(portal: Portal, alice: User) -> None:
    assert language(portal(alice, lang="it"), **{"Accept-Language": "de"}) == "it"


@pytest.mark.parametrize(
    ("accepted", "shown"), [("de-AT,de;q=0.9,en;q=0.8", "de"), ("pt-BR", "pt"), ("ja", "en"), ("", "en")]
)
def test_without_one_it_is_the_browsers(portal: Portal, alice: User, accepted: str, shown: str) -> None:
    assert language(portal(alice), **{"Accept-Language": accepted}) == shown
    assert language(Client(), "/portal/open", **{"Accept-Language": accepted}) == shown


def test_the_sign_in_page_is_in_the_browsers_language_too() -> None:
    page = Client().get("/signin", headers={"Accept-Language": "it"}).content.decode()
    assert '<html lang="it">' in page
    assert "Nome utente" in page
    assert 'lang="en"' in Client().get("/signin").content.decode()
