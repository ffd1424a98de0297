"""The Celery application: `celery -A invenicum worker`, `celery -A invenicum beat`."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import Any

import structlog
from celery import Celery
from celery.signals import beat_init, celeryd_init

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
def _hide_banner(instance: Any, **kwargs: Any) -> None:
    instance.quiet = instance.quiet or not _is_watched()


@beat_init.connect
def _on_beat(**kwargs: Any) -> None:
    structlog.get_logger(__name__).info("beat_started")


def _is_watched() -> bool:
    return sys.stderr.isatty()


app = Application("invenicum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
