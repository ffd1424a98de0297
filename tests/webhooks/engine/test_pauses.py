"""A provider that says when it takes the next event is sent none before."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.fakes.discord import FakeDiscord
from tests.inbound import connect
from tests.waiting import wait_until
from webhooks.engine.worker import drain
from webhooks.models import Attempt, Delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def discord(settings: Settings) -> Iterator[FakeDiscord]:
    with FakeDiscord() as server:
        settings.PROVIDER_ENDPOINTS = {"discord": {"apiUrl": server.url}}
        yield server


def test_nothing_is_sent_between_the_last_request_of_a_limit_and_its_reset(discord: FakeDiscord, alice: User) -> None:
    connect(alice, "discord")
    discord.left = 3
    publish_many(Draft(alice, "asset.created", {"assetId": f"asset-{number}"}) for number in range(4))
    started = time.monotonic()

    def are_all_delivered() -> bool:
        drain()
        return Delivery.objects.filter(status="delivered").count() == 4

    wait_until(are_all_delivered, "all are delivered")
    assert time.monotonic() - started > 0.55  # the fake's X-RateLimit-Reset-After, once
    assert Attempt.objects.count() == 4  # no attempt was refused
