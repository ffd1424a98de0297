"""Events of the usual form are read without the serializer's fields; both have to read the same."""

from __future__ import annotations

import random
from typing import Any

import pytest
from rest_framework.exceptions import ValidationError

from invenicum.api.serializers import StrictSerializer, shared
from invenicum.events.serializers import NewEventSerializer, _usual_event

EVENTS = [
    "asset.created",
    "a.b",
    "report",
    "A.b",
    "a..b",
    "a.b\n",
    "a." + "b" * 98,
    "a." + "b" * 99,
    "",
    1,
    None,
    ["a.b"],
]
DATA = [{}, {"assetId": "a-1"}, {"assetId": ".."}, {"assetId": 1}, {"assetId": "a" * 101}, [], None, "x"]
TIMES = ["2026-03-07T10:30:00Z", "2026-03-07T10:30:00.5+02:00", "2026-02-30T10:30:00Z", "2026-03-07", "", 5, None]
OWNERS = ["user-456", "user-~0123456789ab", "user-~1", "456", "user-", "user-456\n", "", 456, None]


def read(reader: Any, data: Any) -> Any:
    try:
        return reader(data)
    except ValidationError as error:
        return str(error.detail)


def test_both_read_the_same_of_every_event() -> None:
    generator = random.Random(14)
    choices: dict[str, list[Any]] = {"event": EVENTS, "data": DATA, "timestamp": TIMES, "owner": OWNERS, "more": [1]}
    shares = {"event": 0.98, "data": 0.98, "timestamp": 0.5, "owner": 0.5, "more": 0.02}
    serializer = shared(NewEventSerializer)
    usual = 0
    for _ in range(5000):
        data = {
            name: generator.choice(values[: generator.choice((2, 20))])
            for name, values in choices.items()
            if generator.random() < shares[name]
        }
        by_fields = read(lambda value: StrictSerializer.run_validation(serializer, value), data)
        found = _usual_event(data)
        usual += found is not None
        assert found is None or (found == by_fields and list(found) == list(by_fields)), data
        assert read(serializer.run_validation, data) == by_fields
    assert usual > 500


@pytest.mark.parametrize("data", [None, [], "a.b", 1])
def test_what_is_no_object_is_left_to_the_serializer(data: Any) -> None:
    assert _usual_event(data) is None
    assert isinstance(shared(NewEventSerializer), StrictSerializer)
