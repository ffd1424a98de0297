"""The Celery application: `celery -A invenicum worker`, `celery -A invenicum beat`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, celeryd_init

STDERR = 2  # its file descriptor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")


class Application(Celery):
    """Celery, whose banners are printed on a terminal only: elsewhere each line of the log is JSON."""

    @cached_property
    def Beat(self) -> Any:
        base = super().Beat

        class Beat(base):  # type: ignore[misc, valid-type]
            quiet: bool

            def run(self) -> None:
                self.quiet = self.quiet or not _is_watched()
                super().run()

        return Beat


@celeryd_init.connect
def _log_in_json(instance: Any, **kwargs: Any) -> None:
    if not _is_watched():
        from celery.apps import worker  # only a worker needs it

        instance.quiet = True
        worker.safe_say = _say


def _say(message: str, stream: Any = None) -> None:
    """In place of what Celery says about signals: it is in a signal's handler, where no lock may be waited for."""
    line = {"event": message.strip(), "logger": "celery.apps.worker", "level": "info"}
    line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    with suppress(OSError):
        os.write(STDERR, f"{json.dumps(line)}\n".encode())


@beat_init.connect
def _on_beat(**kwargs: Any) -> None:
    structlog.get_logger(__name__).info("beat_started")


def _is_watched() -> bool:
    return sys.stderr.isatty()


app = Application("invenicum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
