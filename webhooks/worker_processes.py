"""What the child processes of a Celery worker do when they start and when they end.

A worker starts a new child for each that died. The new one releases what the dead one had leased, at once.
"""

import logging
from typing import Any

import structlog
from celery.signals import worker_process_init, worker_process_shutdown
from django.db import Error, connections

from . import wake
from .engine.crashes import release_dead_workers
from .engine.worker import end_process

log = structlog.get_logger(__name__)


@worker_process_init.connect
def _on_start(**kwargs: Any) -> None:
    try:
        if release_dead_workers():
            wake.wake()
    except Error as error:  # the next heartbeat of any worker does it
        log.warning("database_failed", error=str(error).strip())
    finally:
        connections.close_all()


@worker_process_shutdown.connect
def _on_end(**kwargs: Any) -> None:
    try:
        end_process()
    except Error as error:
        log.warning("database_failed", error=str(error).strip())
    logging.shutdown()  # Celery ends the process without it
