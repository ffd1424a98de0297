import os
from typing import Any

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from pytest_django import Settings
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from invenicum.accounts.models import User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import Access
from invenicum.api.throttling import OutgoingThrottle


class ThreeAMinute(OutgoingThrottle):
    rate = "3/min"


class CallingView(APIView):
    authentication_classes = []
    throttle_classes = [ThreeAMinute]
    required_scopes = "integrations:write"

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        made = super().initialize_request(request, *args, **kwargs)
        made.user, made.auth = request.caller, Access(USER_SCOPES)
        return made

    def get(self, request: Request) -> Response:
        return Response({})


def call(user: User) -> Any:
    request: Any = RequestFactory().get("/")
    request.caller = user
    return CallingView.as_view()(request).render()


def test_a_call_over_the_limit_gets_retry_after(alice: User) -> None:
    assert [call(alice).status_code for _ in range(4)] == [200, 200, 200, 429]
    response = call(alice)
    assert response.data["error"] == "RATE_LIMITED"
    assert 1 <= int(response["Retry-After"]) <= 60


def test_each_user_has_a_limit_of_their_own(alice: User, bob: User) -> None:
    for _ in range(4):
        call(alice)
    assert call(bob).status_code == 200


def test_the_rate_comes_from_the_settings() -> None:
    assert OutgoingThrottle().rate == "120/min"


def test_no_request_is_refused_because_the_cache_is_down(
    alice: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    with pytest.raises(RedisConnectionError):
        SimpleRateThrottle.cache.get("anything")
    assert call(alice).status_code == 200
    assert "cache is down" in caplog.text


@pytest.mark.parametrize(
    "stored",
    ['{"a": 1}', '"text"', '["text"]', "[null]", "[[1]]", "[true]", "7", "null", "[NaN]", "[Infinity]", "[1e300]"],
)
def test_an_entry_of_the_cache_that_is_no_history_counts_as_absent(
    stored: str, alice: User, settings: Settings
) -> None:
    url = os.environ["TEST_REDIS_URL"]
    options = {"serializer": "invenicum.cache_values.JSONSerializer"}
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "OPTIONS": options,
            "KEY_PREFIX": "test-throttling",
        }
    }
    key = cache.make_key(f"throttle:outgoing:{alice.pk}")
    Redis.from_url(url).set(key, stored)
    assert [call(alice).status_code for _ in range(4)] == [200, 200, 200, 429]
    cache.delete(f"throttle:outgoing:{alice.pk}")
