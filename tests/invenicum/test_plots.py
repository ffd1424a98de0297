"""The drawings of figures, and what the templates show beside them."""

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string

from invenicum.plots import Axis, Drawing, Series, Try, Value, bars, lines, round_top, sparkline

AXIS = Axis(
    steps=["12:00", "13:00", "14:00"],
    step_name="Hour",
    ticks=["12:00", "13:00", "now"],
    words="Deliveries of three hours",
    scale=lambda value: f"{value:g} an hour",
)


def series(*failed: Value) -> list[Series]:
    return [Series("delivered", "good", [60, 0, 30], "90"), Series("failed", "bad", list(failed), "30")]


def boxes(drawing: Drawing) -> list[tuple[str, float, float]]:
    """The class, the upper end and the height of each bar."""
    found = ElementTree.fromstring(drawing).iter("rect")
    return [(box.get("class", ""), float(box.get("y", "")), float(box.get("height", ""))) for box in found]


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (1, 1), (3, 4), (7, 8), (10, 10), (11, 12), (97, 100), (120, 120), (0.33, 0.4), (1e-3, 1e-3)],
)
def test_a_scale_ends_at_a_round_value(value: float, top: float) -> None:
    assert round_top(value) == top


def test_bars_are_stacked_on_one_scale_with_failures_at_the_bottom() -> None:
    plot = bars(series(20, 0, 0), AXIS)
    assert plot.scale == "80 an hour"
    assert boxes(plot.drawing) == [("bad", 75, 25), ("good", 0, 75), ("none", 98, 2), ("good", 62.5, 37.5)]


def test_one_failure_among_thousands_is_seen() -> None:
    drawing = sparkline([Series("delivered", "good", [5000]), Series("failed", "bad", [1])], "a day")
    assert boxes(drawing)[0] == ("bad", 97, 3)


def test_a_plot_has_its_rows_as_text() -> None:
    plot = bars(series(1204, 0, None), AXIS)
    assert [(row.step, row.texts) for row in plot.rows] == [
        ("12:00", ["60", "1,204"]),
        ("13:00", ["0", "0"]),
        ("14:00", ["30", "–"]),
    ]
    assert "<title>12:00: delivered 60, failed 1,204</title>" in plot.drawing


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    drawn = lines([Series("p95", "accent", [10, 5, None, 0, None])], Axis(list("abcde"), "Hour", [], "p95")).drawing
    paths = {one.get("class"): one.get("d") for one in ElementTree.fromstring(drawn).iter("path")}
    assert (paths["accent"], paths["accent dot"]) == ("M0 0L10 50", "M30 100h0")


def test_drawings_of_nothing_are_drawn() -> None:
    for drawing in (sparkline([], "nothing"), bars([], Axis([], "Hour", [], "")).drawing):
        ElementTree.fromstring(drawing)
    ElementTree.fromstring(lines([Series("p95", "accent", [])], Axis([], "Hour", [], "")).drawing)


def test_texts_from_outside_are_text_not_markup() -> None:
    plot = bars([Series('"<b>', "good", [1, 1, 1])], AXIS)
    page = render_to_string("plots/plot.html", {"plot": plot})
    assert "<b>" not in plot.drawing
    assert "&lt;b&gt;" in page
    assert "&quot;" in sparkline([], '"')


def test_the_page_has_scale_times_legend_and_table_and_no_styles_of_its_own() -> None:
    page = render_to_string("plots/plot.html", {"plot": bars(series(0, 10, 20), AXIS)})
    assert "60 an hour" in page
    assert "<span>now</span>" in page
    assert '<li class="bad">failed <b>30</b></li>' in page
    assert "as a table" in page
    assert '<th scope="row">13:00</th><td class="figure">0</td><td class="figure">10</td>' in page
    assert "style=" not in page
    assert "<svg" in page


def test_tries_that_are_planned_are_drawn_otherwise_than_those_that_happened() -> None:
    moment = datetime(2026, 3, 7, 14, 2, 11, tzinfo=UTC)
    tries = [
        Try(moment, "14:02:11", "HTTP 503 after 0.21 s", "“upstream”", "bad"),
        Try(moment, "14:37", is_planned=True),
    ]
    page = render_to_string("plots/tries.html", {"tries": tries})
    assert '<li class="bad"><p><time datetime="2026-03-07T14:02:11+00:00"' in page
    assert '<li class="rest planned">' in page
    assert "“upstream”" in page
