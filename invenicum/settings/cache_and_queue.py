"""The broker, Celery, and the cache, which is the broker's if that is Redis."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from invenicum.env import address, env, secret
from invenicum.settings.addresses import DATA_DIR

CELERY_BROKER_URL = secret("CELERY_BROKER_URL")
if CELERY_BROKER_URL:
    address(
        "CELERY_BROKER_URL",
        CELERY_BROKER_URL.split(";")[0],
        TRANSPORT_ALIASES,
        "redis://host:6379/0 or amqp://user:password@host//",
    )

_redis = CELERY_BROKER_URL.startswith(("redis://", "rediss://"))
SHARED_CACHE = _redis  # by all processes
# Requests are limited by what is cached, and go on without if it does not answer: they must not wait for it.
REDIS_OPTIONS: dict[str, Any] = {
    "socket_connect_timeout": 0.5,  # seconds
    "socket_timeout": 0.5,
    # At once and once, for a connection that has been closed; never after a timeout.
    "retry": Retry(NoBackoff(), 1, (RedisConnectionError,)),
}
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if not _redis
    else {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CELERY_BROKER_URL,
        "OPTIONS": {"serializer": "invenicum.cache_values.JSONSerializer", **REDIS_OPTIONS},
    }
}

CELERY_ACCEPT_CONTENT = ["json"]  # no pickles: who can write to the broker must not be able to run code
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # tasks carry no state: the database knows what is due
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 10, "socket_connect_timeout": 2}
# What takes long or talks to providers has a queue of its own, for a worker of its own. A worker that names no queue
# serves both.
CELERY_TASK_QUEUES = {name: {"routing_key": name} for name in ("celery", "jobs")}
CELERY_TASK_ROUTES = {name: {"queue": "jobs"} for name in ("webhooks.tasks.run_jobs", "webhooks.tasks.prune")}
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "webhooks.tasks.sweep",
        "schedule": env.float("SWEEP_INTERVAL", 5.0),
        "options": {"expires": 60.0},
    },
    "jobs": {"task": "webhooks.tasks.run_jobs", "schedule": 5.0, "options": {"expires": 5.0}},
    "prune": {"task": "webhooks.tasks.prune", "schedule": 3600.0, "options": {"expires": 3600.0}},
}
CELERY_BEAT_SCHEDULER = "invenicum.celery:Scheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
