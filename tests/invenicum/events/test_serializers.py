import pytest

from invenicum.events.serializers import is_asset_id


@pytest.mark.parametrize(
    ("value", "is_id"),
    [
        ("asset-123", True),
        ("..a", True),
        ("x" * 100, True),
        ("x" * 101, False),
        ("..", False),
        ("a\n", False),
        ("", False),
        (7, False),
        (None, False),
    ],
)
def test_asset_ids_are_recognised(value: int | str | None, is_id: bool) -> None:
    assert is_asset_id(value) is is_id
