"""Logging: one line per event, JSON unless stderr is a terminal, and never a secret."""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

REMOVED = "[removed]"
_secret_name = re.compile(
    r"secret|password|passwd|token|authorization|cookie|api_?key|access_?key|private_?key|credential|signature|verifier"
    r"|^code$|^state$",
    re.IGNORECASE,
)
# They have handlers of their own, which would print everything a second time.
_loud = ("django", "django.server", "_granian", "py.warnings")
# They log every task, of which there are many a second under load.
_chatty = ("celery.app.trace", "celery.beat", "celery.worker.strategy")


def remove_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """A structlog processor: removes values whose name suggests a secret, at any depth."""
    # An exception stays as it is: the rendering that follows shows no value of a variable.
    return {name: value if name == "exc_info" else _without_secrets(name, value) for name, value in event.items()}


def _without_secrets(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_secrets(name, item) for item in value]
    return REMOVED if value and _secret_name.search(name) else value


def configure(level: str, *, for_people: bool | None = None) -> dict[str, Any]:
    """Configures structlog and returns the `LOGGING` that formats every other logger's records alike.

    `for_people` chooses coloured text over JSON; by default it does if stderr is a terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        remove_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    for_people = sys.stderr.isatty() if for_people is None else for_people
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(for_people)],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **{name: {"handlers": [], "propagate": True} for name in _loud},
            **{name: {"level": "WARNING"} for name in _chatty},
        },
    }


def with_reports(configuration: dict[str, Any], dsn: str, environment: str, release: str) -> dict[str, Any]:
    """`configuration` with errors going to the Sentry project of `dsn` too."""
    reporter = {
        "()": "invenicum.error_reports.SentryHandler",
        "dsn": dsn,
        "environment": environment,
        "release": release,
    }
    return {
        **configuration,
        "handlers": {**configuration["handlers"], "sentry": reporter},
        "root": {**configuration["root"], "handlers": [*configuration["root"]["handlers"], "sentry"]},
    }


def capture_everything() -> None:
    """Sends Python's warnings and exceptions that nothing has caught to the log, as one line each.

    On a terminal they stay as Python prints them.
    """
    if sys.stderr.isatty():
        return
    logging.captureWarnings(True)
    sys.excepthook = log_uncaught
    threading.excepthook = lambda args: log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    if not logging.getLogger().handlers:  # before the log is set up
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger(__name__).critical("uncaught", exc_info=(kind, error, trace))


def _rendering(for_people: bool) -> list[Processor]:
    if for_people:
        # The richer formatter shows the local variables of every frame, secrets among them.
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain, pad_event_to=0)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False, default=str)]
