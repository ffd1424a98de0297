"""Worker processes that wait at Redis for something to do, and are told so there, without a message through Celery.

A process that waits is on a list, and subscribed to a channel of its own. A wake-up takes the last one off the
list and publishes to its channel; Redis answers whether it is still subscribed, so that a process that died is skipped.
If none waits, a message through Celery is needed: one until a worker has taken it.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Collection
from typing import Any
from uuid import uuid4

import structlog
from billiard.process import current_process
from django.conf import settings
from redis import Redis, RedisError, ResponseError
from redis.client import PubSub

from invenicum.per_process import PerProcess

_WAITING, _MESSAGE, _CHANNEL = "invenicum:waiting-workers", "invenicum:deliver-due", "invenicum:worker:"
# For which a message that no worker takes does for all processes. Then it may be lost, and another is sent.
WAKE_PENDING_SECONDS = 5
# For which the list is kept after the last one was put on it, and how many it has at most.
WAITING_LIST_SECONDS, MAX_WAITING_WORKERS = 3600, 1000
SUBSCRIBE_SECONDS = 0.5
# For which a task that arrived is left to a process that is free, before one that waits makes room for it.
MAKE_ROOM_AFTER_SECONDS = 0.1
LOOK_SECONDS = 1.0  # between two looks whether the process is needed, without a sign of it
MESSAGE_READ_SECONDS = 0.01

# Returns whether a message is needed. Atomic, and one round trip.
WAKE_ONE = """
local worker = redis.call('RPOP', KEYS[1])
while worker do
    if redis.call('PUBLISH', worker, '') > 0 then return 0 end
    worker = redis.call('RPOP', KEYS[1])
end
return redis.call('SET', KEYS[2], 1, 'NX', 'EX', ARGV[1]) and 1 or 0
"""

log = structlog.get_logger(__name__)


class _Client:
    def __init__(self) -> None:
        self.redis: Redis = Redis.from_url(settings.CELERY_BROKER_URL, **settings.REDIS_OPTIONS)
        self.wake_one = self.redis.register_script(WAKE_ONE)


_clients = PerProcess(_Client)


def wake_one_or_note_message() -> bool:
    """Wakes a process that waits. Returns whether none did and no message is under way: then one is from now on.

    Raises `redis.RedisError`.
    """
    try:
        return bool(_clients.get().wake_one(keys=[_WAITING, _MESSAGE], args=[WAKE_PENDING_SECONDS]))
    except ResponseError as error:  # scripts are not allowed: nothing is known
        log.warning("redis_refused", error=str(error))
        return True


def forget_message() -> None:
    """Notes that the message that was under way has been taken. Raises `redis.RedisError`."""
    _clients.get().redis.delete(_MESSAGE)


class WaitingWorker:
    """This process as one that can wait. If Redis fails it does not wait, until the next `sign_up`."""

    def __init__(self) -> None:
        self._redis = _clients.get().redis
        self._channel = f"{_CHANNEL}{uuid4().hex}"
        self._subscription: PubSub | None = None
        self._list = _Commands(self._redis)

    def sign_up(self) -> None:
        """From now on it may be woken. To be called before it looks for what is due, so that nothing is missed."""
        try:
            if self._subscription is None:
                self._subscription = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                self._subscription.subscribe(self._channel)
                self._subscription.get_message(timeout=SUBSCRIBE_SECONDS)  # the confirmation
            self._list.send(
                ("RPUSH", _WAITING, self._channel),
                ("LTRIM", _WAITING, -MAX_WAITING_WORKERS, -1),
                ("EXPIRE", _WAITING, WAITING_LIST_SECONDS),
            )
        except RedisError as error:
            self._fail(error)

    def wait(self, seconds: float, is_needed: Callable[[], bool], signs: Collection[int] = ()) -> bool:
        """Whether it was woken within `seconds`, before `is_needed()` for something else. Else it signs off.

        signs: descriptors of files that can be read when the process may be needed.
        """
        ends = time.monotonic() + seconds
        try:
            self._list.answers()
            while self._subscription and time.monotonic() < ends and not is_needed():
                if self._subscription.get_message(timeout=MESSAGE_READ_SECONDS):
                    return True
                self._sleep(min(ends - time.monotonic(), LOOK_SECONDS), signs)
        except RedisError as error:
            self._fail(error)
        return self.sign_off()

    def _sleep(self, seconds: float, signs: Collection[int]) -> None:
        """Returns when there is something to read for it, or a moment after a sign that it may be needed."""
        assert self._subscription is not None
        channel = getattr(self._subscription.connection, "_sock", None)
        own = {channel.fileno()} if channel else set()  # a connection that was lost: it is opened again for reading
        seen = _readable({*own, *signs}, seconds)
        if seen and not seen & own:
            _readable(own, MAKE_ROOM_AFTER_SECONDS)

    def sign_off(self) -> bool:
        """Returns whether it was woken before that, and has not looked since."""
        try:
            if self._subscription is not None:
                self._list.send(("LREM", _WAITING, 0, self._channel))
                return not self._list.answers()[-1]
        except RedisError as error:
            self._fail(error)
        return False

    def _fail(self, error: RedisError) -> None:
        log.warning("wake_ups_not_heard", error=type(error).__name__)
        self._list.close()
        if self._subscription:
            self._subscription.close()
            self._subscription = None


class _Commands:
    """Sends commands whose answers are read later: an event is waiting meanwhile. Raises `redis.RedisError`."""

    def __init__(self, client: Redis) -> None:
        self._connection = client.connection_pool.make_connection()
        self._unread = 0

    def send(self, *commands: tuple[Any, ...]) -> None:
        packed = self._connection.pack_commands(commands)  # type: ignore[no-untyped-call]
        self._connection.send_packed_command(packed)  # type: ignore[no-untyped-call]
        self._unread += len(commands)

    def answers(self) -> list[Any]:
        """Those that have not been read."""
        unread, self._unread = self._unread, 0
        return [self._connection.read_response() for _ in range(unread)]

    def close(self) -> None:
        self._connection.disconnect()  # type: ignore[no-untyped-call]
        self._unread = 0


def _readable(descriptors: Collection[int], seconds: float) -> set[int]:
    """Those that can be read, as soon as one can, and none after so many seconds."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(max(seconds, 0.0) * 1000)}


_workers = PerProcess(WaitingWorker)


def this_worker() -> WaitingWorker | None:
    """This process as a worker that can wait. None if it may not: it is no child of a Celery worker, or without Redis.

    In Celery's pools without child processes a task that waits would keep the worker from receiving others.
    """
    is_child = current_process().name != "MainProcess"
    return _workers.get() if is_child and settings.SHARED_CACHE else None
