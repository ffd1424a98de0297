"""The Celery application: `celery -A invenicum worker`, `celery -A invenicum beat`."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from celery import Celery
from celery.beat import PersistentScheduler
from celery.loaders.app import AppLoader
from celery.signals import after_setup_logger, beat_init, celeryd_init
from celery.utils.log import get_multiprocessing_logger
from django.core.exceptions import ImproperlyConfigured

from invenicum.env import folder
from invenicum.start import errors_in_one_line

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


class Loader(AppLoader):
    """Celery's loader, with settings that are wrong reported as by every other command."""

    def config_from_object(self, obj: Any, silent: bool = False) -> Any:
        with errors_in_one_line():
            return super().config_from_object(obj, silent)


class Scheduler(PersistentScheduler):
    """Celery's scheduler, whose file needs `DATA_DIR`."""

    def setup_schedule(self) -> None:
        _require_broker(self.app.conf)
        with errors_in_one_line():
            folder("DATA_DIR", Path(self.schedule_filename).absolute().parent)
        super().setup_schedule()


@celeryd_init.connect
def _start_worker(instance: Any, conf: Any, **kwargs: Any) -> None:
    _require_broker(conf)
    if not _is_watched():
        from celery.apps import worker  # only a worker needs it

        instance.quiet = True
        worker.safe_say = _say


@after_setup_logger.connect
def _log_as_everything_else(**kwargs: Any) -> None:
    """Celery gives what watches a worker's processes a handler and a format of its own."""
    logger = get_multiprocessing_logger()
    logger.handlers.clear()
    logger.propagate = True


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


def _require_broker(conf: Any) -> None:
    with errors_in_one_line():
        if not conf.broker_url:
            raise ImproperlyConfigured("Set CELERY_BROKER_URL: Celery needs a broker; `manage.py deliver` needs none.")


app = Application("invenicum", loader="invenicum.celery:Loader")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
