from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invenicum.timestamps import format_timestamp, parse_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-07T10:30:00Z", datetime(2026, 3, 7, 10, 30, tzinfo=UTC)),
        ("2026-03-07t10:30:00z", datetime(2026, 3, 7, 10, 30, tzinfo=UTC)),
        ("2026-03-07T11:30:00+01:00", datetime(2026, 3, 7, 10, 30, tzinfo=UTC)),
        ("2026-03-07T10:30:00.123456789-00:30", datetime(2026, 3, 7, 11, 0, 0, 123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_every_form_of_an_rfc_3339_time_is_read(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "2026-03-07",
        "2026-03-07T10:30:00",
        "2026-03-07 10:30:00Z",
        "2026-03-07T10:30Z",
        "2026-02-30T10:30:00Z",
        "2026-03-07T25:30:00Z",
        "2026-03-07T10:30:00Z\n",
        "٢٠٢٦-03-07T10:30:00Z",
        "0001-01-01T00:00:00+05:00",
        1772879400,
        True,
    ],
)
def test_other_forms_are_refused(value: bool | int | str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_timestamp(value)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-1439, 1439))
def test_what_python_writes_is_read_back(moment: datetime, offset: int) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert parse_timestamp(there.isoformat()) == there


def test_a_time_is_written_in_utc_and_whole_seconds() -> None:
    moment = datetime(2026, 3, 7, 12, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert format_timestamp(moment) == "2026-03-07T10:30:00Z"
