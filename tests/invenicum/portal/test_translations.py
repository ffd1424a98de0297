"""The portal says everything in six languages: the catalogues are fresh, complete and compiled."""

import gettext
import re
from pathlib import Path
from typing import Any

import pytest

from invenicum.accounts.models import User
from invenicum.portal.numbers import count
from invenicum.portal.serializers import LANGUAGES
from tests import catalogues

from .conftest import Portal

PLACEHOLDERS = re.compile(r"%\(\w+\)[sd]|`[^`]+`|\{\w+\}")
SOME_OF_EACH = (1, 5, 1_000_000)  # of each plural form; the last is a form of its own in Romance languages
RUN = "run `make translations`, and translate what it names"

# Parts of templates that are no text: comments, and what is translated.
NO_TEXT = re.compile(
    r"{% comment %}.*?{% endcomment %}|{% blocktranslate.*?{% endblocktranslate %}|{%.*?%}|{{.*?}}", re.DOTALL
)
TEXT = re.compile(r">([^<]*)<|\b(?:placeholder|title|aria-label|alt)=\"([^\"]*)\"")
# The same in every language: names, and examples of what is typed.
NAMES = {
    "Invenicum Integrations",
    "asset.*",
    "asset.updated",
    "asset-123",
    "webhook-id: evt_…&#10;webhook-timestamp: 1772879400&#10;webhook-signature: v1",
}


def texts_of(message: Any) -> tuple[str, ...]:
    return tuple(message) if isinstance(message, tuple | list) else (message,)


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_everything_is_translated(language: str) -> None:
    wanted = {(message.id, message.context) for message in catalogues.template() if message.id}
    catalogue = [message for message in catalogues.read(language) if message.id]
    assert {(message.id, message.context) for message in catalogue} == wanted, RUN
    assert [message.id for message in catalogue if not all(texts_of(message.string))] == [], RUN
    assert [message.id for message in catalogue if message.fuzzy] == []


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_every_translation_has_the_same_placeholders(language: str) -> None:
    for message in catalogues.read(language):
        if message.id:
            allowed = {frozenset(PLACEHOLDERS.findall(text)) for text in texts_of(message.id)}
            for text in texts_of(message.string):
                assert frozenset(PLACEHOLDERS.findall(text)) in allowed, text


@pytest.mark.parametrize("language", catalogues.LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    with catalogues.source(language).with_suffix(".mo").open("rb") as stream:
        compiled = gettext.GNUTranslations(stream)
    messages: Any = catalogues.read(language)
    for message in messages:
        if not message.id:
            continue
        found: tuple[str, ...]
        first, *others = texts_of(message.id)
        wanted = texts_of(message.string)
        if others:
            found = tuple(compiled.ngettext(first, others[0], number) for number in SOME_OF_EACH)[: len(wanted)]
        elif message.context:
            found = (compiled.pgettext(message.context, first),)
        else:
            found = (compiled.gettext(first),)
        assert found == wanted, RUN


@pytest.mark.parametrize(
    "file", sorted((catalogues.ROOT / "templates/portal").glob("*.html")), ids=lambda file: file.stem
)
def test_no_text_of_a_template_is_left_out(file: Path) -> None:
    found = [a or b for a, b in TEXT.findall(NO_TEXT.sub("", file.read_text()))]
    words = {text.strip(" \n·/–,.:()#→…") for text in found}
    assert {text for text in words if re.search(r"[A-Za-z]{2}", text)} - NAMES == set()


def test_the_app_has_the_same_languages() -> None:
    assert set(LANGUAGES) == {"en", *catalogues.LANGUAGES}


def test_numbers_and_times_are_written_as_in_the_language(settings: Any) -> None:
    from django.utils import translation

    written = {}
    for language in ("en", "de", "fr"):
        with translation.override(language):
            written[language] = count(1204)
    assert written == {"en": "1,204", "de": "1.204", "fr": "1\xa0204"}


@pytest.mark.django_db
def test_a_page_is_in_the_language_of_its_link(portal: Portal, alice: User) -> None:
    page = portal(alice, lang="de").get("/portal/services/webhook/connect").content.decode()
    assert '<html lang="de"' in page
    assert "Sendet signierte Ereignisse an Ihre eigene Adresse." in page
    assert "Abmelden" not in page  # who came by a link leaves
    assert "Verlassen" in page
