"""What a person who can write to Redis cannot do: run code in the service."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisCache
from kombu.exceptions import ContentDisallowed
from kombu.serialization import dumps, loads
from redis import Redis

from invenicum.cache_values import JSONSerializer, UnreadableValue
from invenicum.celery import app


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def redis_cache() -> Iterator[RedisCache]:
    options = {"serializer": "invenicum.cache_values.JSONSerializer"}
    found = RedisCache(os.environ["TEST_REDIS_URL"], {"OPTIONS": options, "KEY_PREFIX": "test-cache"})
    yield found
    found.delete_many(["key", "count"])


def test_what_is_cached_comes_back() -> None:
    serializer = JSONSerializer()
    for value in (1, [1.5, 2.25], {"a": None}, "text", True):
        written = serializer.dumps(value)
        assert serializer.loads(str(written).encode()) == value


def test_a_poisoned_entry_of_the_cache_is_not_run(redis_cache: RedisCache, tmp_path: Path) -> None:
    redis_cache.set("key", [1.5])
    assert redis_cache.get("key") == [1.5]
    redis_cache.set("count", 1)
    assert redis_cache.incr("count") == 2
    client = Redis.from_url(os.environ["TEST_REDIS_URL"])
    client.set(redis_cache.make_key("key"), pickle.dumps(Bomb(tmp_path / "made")))
    with pytest.raises(UnreadableValue):
        redis_cache.get("key")
    assert not (tmp_path / "made").exists()


def test_the_queue_takes_json_only(tmp_path: Path) -> None:
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer, app.conf.event_serializer) == ("json",) * 3
    content_type, encoding, body = dumps(  # type: ignore[no-untyped-call]
        Bomb(tmp_path / "made"), serializer="pickle"
    )
    with pytest.raises(ContentDisallowed):
        loads(body, content_type, encoding, accept=app.conf.accept_content)  # type: ignore[no-untyped-call]
    assert not (tmp_path / "made").exists()
