"""The parts of the portal that need no database: times, accents, Markdown, states, kept secrets."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations import registry
from invenicum.content_policy import portal_policy
from invenicum.portal import accents
from invenicum.portal.form_fields import in_words
from invenicum.portal.kept_secrets import seal, unseal
from invenicum.portal.markdown import to_html
from invenicum.portal.relative_times import exact, relative
from invenicum.portal.states import delivery_state

NOW = datetime(2026, 3, 7, 10, 30, tzinfo=UTC)
STYLESHEET = Path(accents.__file__).parent / "static" / "portal" / "portal.css"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (44, "just now"),
        (60, "1 min ago"),
        (3600, "1 h ago"),
        (86_400, "1 day ago"),
        (12 * 86_400, "12 days ago"),
        (60 * 86_400, "6 January 2026"),
        (-10, "in a moment"),
        (-240, "in 4 min"),
        (-7200, "in 2 h"),
    ],
)
def test_times_are_relative(seconds: int, words: str) -> None:
    assert relative(NOW - timedelta(seconds=seconds), NOW) == words


def test_the_exact_time_names_its_zone() -> None:
    assert exact(NOW) == "2026-03-07 10:30:00 UTC"


@pytest.mark.parametrize("accent", ["#2456d6", "#ffff00", "#000000", "#ffffff", "#7f7f7f", "#00aa55"])
def test_every_accent_can_be_read_on_both_grounds(accent: str) -> None:
    both = re.search(r"--accent: light-dark\((.{7}), (.{7})\)", accents.accent_styles(accent))
    assert both is not None
    light, dark = map(accents._parse, both.groups())
    assert accents.contrast(light, accents.LIGHT_PAPER) >= accents.TEXT_CONTRAST
    assert accents.contrast(dark, accents.DARK_PAPER) >= accents.TEXT_CONTRAST


def test_contrast_is_that_of_the_standard() -> None:
    assert accents.contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert accents.contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


def test_markdown_becomes_html_and_nothing_else_does() -> None:
    text = "1. Create a *bucket*,\n   **now**.\n2. See `a<b>` and [a page](https://x.example/?a=1&b=2).\n\n<script>"
    assert to_html(text) == (
        "<ol><li>Create a <em>bucket</em>, <strong>now</strong>.</li>"
        '<li>See <code>a&lt;b&gt;</code> and <a href="https://x.example/?a=1&amp;b=2" rel="noreferrer" '
        'target="_blank">a page</a>.</li></ol>\n<p>&lt;script&gt;</p>'
    )


@pytest.mark.parametrize("connector", registry.CONNECTORS, ids=lambda connector: connector.type)
def test_the_setup_of_each_type_has_no_markup_left(connector: type) -> None:
    html = to_html(connector.setup)  # type: ignore[attr-defined]
    assert "**" not in html
    assert "](" not in html
    assert "`" not in html


def test_json_names_become_labels() -> None:
    labels = {"webhookUrl": "Webhook URL", "path": "Path"}
    assert in_words("webhookUrl changed, path not", labels) == "“Webhook URL” changed, path not"


@pytest.mark.parametrize(
    ("status", "tries", "waits", "held", "words"),
    [
        ("delivered", 1, False, False, "delivered"),
        ("failed", 10, False, False, "failed"),
        ("cancelled", 0, True, False, "cancelled"),
        ("pending", 0, False, False, "on its way"),
        ("pending", 2, False, False, "retrying 3 of 10"),
        ("pending", 12, False, False, "retrying 10 of 10"),
        ("pending", 2, True, True, "waiting for you"),
        ("pending", 2, False, True, "held until corrected"),
    ],
)
def test_deliveries_have_states_that_people_understand(
    status: str, tries: int, waits: bool, held: bool, words: str
) -> None:
    assert delivery_state(status, tries=tries, most=10, waits=waits, held=held)[1] == words


def test_what_was_typed_is_read_by_its_own_form_only() -> None:
    sealed = seal({"apiKey": "secret"}, "alice")
    assert "secret" not in sealed
    assert unseal(sealed, "alice") == {"apiKey": "secret"}
    assert unseal(sealed, "bob") == unseal("x", "alice") == unseal("", "alice") == {}


def test_only_an_origin_gets_into_the_policy() -> None:
    origins = ["https://app.example.com", "https://a.example; script-src *", "http://elsewhere.example", "*"]
    assert portal_policy(origins).endswith("; frame-ancestors https://app.example.com")
    assert portal_policy([]).endswith("; frame-ancestors 'none'")


def test_the_stylesheet_stays_small_and_loads_nothing() -> None:
    text = STYLESHEET.read_text()
    assert len(text.encode()) <= 20 * 1024
    assert "url(" not in text
    assert "@import" not in text
