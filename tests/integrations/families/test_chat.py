from collections.abc import Iterator
from typing import Any

import pytest

from integrations.families.chat import MAX_TEXT_LENGTH, Change, fitting, label, notice_for, text
from tests.flows import CREATED, DELETED, REPORT, UPDATED, message


def test_a_new_asset_has_its_name_link_category_and_maker() -> None:
    notice = notice_for(CREATED)
    assert notice.summary == "Asset created: Product Photo.jpg"
    assert notice.link == "https://cdn.invenicum.com/assets/asset-123"
    assert notice.facts == (("Category", "Images"),)
    assert notice.actor == "user-456"


def test_an_update_has_old_and_new_values_and_removed_and_added_items() -> None:
    notice = notice_for(UPDATED)
    assert notice.subject == "Hero Image.jpg"
    assert notice.changes == (
        Change("Name", "Product Photo.jpg", "Hero Image.jpg"),
        Change("Tags", "draft", "featured"),
    )


def test_the_document_fills_in_what_an_update_leaves_out() -> None:
    changes = {"tags": {"added": ["new"], "removed": []}}
    document = {"name": "Chair", "category": "Furniture", "url": "https://invenicum.example/a"}
    notice = notice_for(message("asset.updated", {"assetId": "a", "changes": changes}, document))
    assert notice.subject == "Chair"
    assert notice.link == "https://invenicum.example/a"
    assert notice.facts == (("Category", "Furniture"),)
    assert notice.changes == (Change("Tags", "—", "new"),)


def test_a_deleted_asset_keeps_its_name() -> None:
    assert notice_for(DELETED).summary == "Asset deleted: Deprecated Asset.jpg"


def test_an_event_from_outside_is_shown_with_its_plain_facts() -> None:
    notice = notice_for(REPORT)
    assert notice.title == "Report ready"
    assert notice.subject == "Weekly report"
    assert notice.facts == (("Rows", "42"),)


@pytest.mark.parametrize("data", [{}, {"changes": 5}, {"changes": {"a": 1}}, {"name": {}}, {"url": ["x"]}])
def test_unexpected_data_still_makes_a_notice(data: dict[str, Any]) -> None:
    assert notice_for(message("asset.updated", data)).title == "Asset updated"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://",
        "https://a|b/",
        "https://user:password@evil.example/",
        "ftp://a.example/x",
        "https://[broken",
        "https://a.example/" + "x" * 2001,
    ],
)
def test_only_a_plain_web_address_becomes_a_link(url: str) -> None:
    assert notice_for(message("asset.created", {"assetId": "a", "url": url})).link == ""


def test_a_link_cannot_end_before_its_end() -> None:
    url = "https://a.example/x|y>z (1)?q=<b>|c#]d"
    link = notice_for(message("asset.created", {"assetId": "a", "url": url})).link
    assert link == "https://a.example/x%7Cy%3Ez%20%281%29?q=%3Cb%3E%7Cc#%5Dd"


def test_text_is_one_short_line_that_cannot_rearrange_the_message() -> None:
    assert text("a\nb\t\x00c\u202ed") == "a b c d"
    assert text(True) == "yes"
    assert text([1, "b"]) == "1, b"
    assert text("👩‍🔧") == "👩‍🔧"
    assert len(text("x" * 1000)) == MAX_TEXT_LENGTH


def test_names_of_fields_are_written_as_people_write_them() -> None:
    assert label("purchasePrice") == "Purchase price"
    assert label("serial_number") == "Serial number"


def test_lines_that_do_not_fit_are_left_out_with_a_note() -> None:
    assert fitting(["aaa", "bbb"], 20) == "aaa\nbbb"
    assert fitting(["aaa", "bbb", "ccc"], 10) == "aaa\nbbb\n…"


class Counted(list[Any]):
    """A list that counts the items that are looked at."""

    seen = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.seen += 1
            yield item


def test_of_a_long_list_only_what_can_be_shown_is_formatted() -> None:
    tags = Counted(["a tag"] * 100_000)
    assert text(tags) == text(["a tag"] * 100)
    assert tags.seen < 1000


@pytest.mark.parametrize("value", ["x" * 1_000_000, {"a": ["y" * 1_000_000]}, [["z" * 400_000] * 2, {"k": 1}]])
def test_a_value_of_a_megabyte_is_cut_before_it_is_formatted(value: Any) -> None:
    assert len(text(value)) == MAX_TEXT_LENGTH
    assert text(value).endswith("…")


def test_lists_in_lists_end_in_an_ellipsis() -> None:
    value: Any = ["inner"]
    for _ in range(900):
        value = [value]
    assert text(value) == "…"
    assert text([["a"], "b"]) == "a, b"
    assert text({"deep": value})
