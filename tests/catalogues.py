"""The catalogues of translations (invenicum/portal/locale): what the portal says, in each language.

`make translations` brings the texts of the sources into each catalogue and compiles it; what has no
translation yet is left empty, and a test says so. It needs Babel and no tools of the system.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from integrations import registry
from invenicum.portal.form_fields import description_of, label_of
from invenicum.portal.markdown import parts_of

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "invenicum/portal/locale"
LANGUAGES = ("de", "es", "fr", "it", "pt")
TEMPLATES = (
    "templates/portal",
    "templates/plots",
    "templates/accounts/sign_in.html",
    "templates/accounts/signed_in.html",
)
MODULES = ("invenicum/portal", "invenicum/plots.py", "invenicum/accounts/sign_in.py")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}

CREATED = datetime(2026, 1, 1, tzinfo=UTC)  # fixed, so that nothing changes without a change of a text
NAMES: dict[str, Any] = {
    "project": "Invenicum Integrations",
    "version": "1",
    **dict.fromkeys(("last_translator", "language_team", "msgid_bugs_address"), "Invenicum Integrations"),
    "header_comment": "# What the portal says. `make translations` brings new texts in.",
}

Text = str | tuple[str, ...]


def texts() -> Iterator[tuple[Text, str | None]]:
    """What the sources have to be translated: a text, or its singular and plural; and its context."""
    for file in _files(MODULES, "*.py"):
        yield from _texts_of(file.read_text())
    for file in _files(TEMPLATES, "*.html"):
        # Blanks at the beginning of a line mean something in Python.
        code = "\n".join(line.strip() for line in templatize(file.read_text(), origin=str(file)).splitlines())
        yield from _texts_of(code)
    yield from ((text, None) for text in declared_texts())


def declared_texts() -> Iterator[str]:
    """What connectors declare for their cards and forms: the portal looks up the translations."""
    for connector in registry.CONNECTORS:
        yield from (connector.description, *parts_of(connector.setup))
        for alias, schema in connector.Config.json_schema()["properties"].items():
            yield from filter(None, (label_of(alias, schema), description_of(schema)))


def _texts_of(code: str) -> Iterator[tuple[Text, str | None]]:
    found: Any = extract_python(io.BytesIO(code.encode()), KEYWORDS, [], {"encoding": "utf-8"})
    for _, name, arguments, _ in found:
        given = [one for one in (arguments if isinstance(arguments, tuple) else (arguments,)) if isinstance(one, str)]
        context = given.pop(0) if name.startswith("pgettext") else None
        if given and given[0]:
            yield (tuple(given[:2]) if name.startswith("ngettext") else given[0]), context


def _files(places: tuple[str, ...], pattern: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob(pattern)) if path.is_dir() else [path]


def template() -> Catalog:
    """All texts, without translations."""
    catalog = Catalog(charset="utf-8")
    for text, context in texts():
        catalog.add(text, context=context)
    return catalog


def read(language: str) -> Catalog:
    """The catalogue of a language, e.g. `de`."""
    with source(language).open("rb") as stream:
        return read_po(stream, locale=language, charset="utf-8")


def source(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def compiled(catalog: Catalog) -> bytes:
    """What Django reads: the .mo file."""
    stream = io.BytesIO()
    write_mo(stream, catalog)
    return stream.getvalue()


def update(language: str) -> Catalog:
    """Brings the texts of the sources into a catalogue, and writes and compiles it."""
    catalog = Catalog(
        locale=language, charset="utf-8", fuzzy=False, creation_date=CREATED, revision_date=CREATED, **NAMES
    )
    for message in read(language) if source(language).exists() else ():
        if message.id:
            catalog.add(message.id, message.string, context=message.context)
    catalog.update(template(), no_fuzzy_matching=True, update_header_comment=False, update_creation_date=False)
    catalog.obsolete.clear()
    file = source(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        write_po(
            stream, catalog, width=120, no_location=True, sort_output=True, ignore_obsolete=True, omit_header=False
        )
    file.with_suffix(".mo").write_bytes(compiled(read(language)))
    return catalog


if __name__ == "__main__":
    for code in LANGUAGES:
        left = [message.id for message in update(code) if message.id and not message.string]
        print(f"{code}: {len(left)} texts without a translation")
