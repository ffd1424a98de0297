"""What is logged as an error goes to Sentry too, if SENTRY_DSN is set: the exception with its traceback, and the values
of the log line without secrets. No local variables, no request, no address.

Sentry's own integrations stay off: they would patch libraries, and send more than that.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from .per_process import PerProcess

FLUSH_SECONDS = 2.0
TAGS = ("request_id", "trace_id", "duty", "kind", "type")
_SHOWN_ELSEWHERE = frozenset({"event", "exc_info", "level", "logger", "timestamp", "stack_info", *TAGS})


class SentryHandler(logging.Handler):
    """A handler for the root logger. dsn: of a project. environment, release: shown with each event.

    Each process has its own client, made for its first error.
    """

    def __init__(self, dsn: str, environment: str, release: str):
        super().__init__(logging.ERROR)
        self._options: dict[str, Any] = {"dsn": dsn, "environment": environment, "release": release}
        self._clients = PerProcess(self._connect)
        self._is_used = False

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("sentry_sdk", "urllib3")):  # about a report that cannot be sent
            return
        try:
            self._clients.get().capture_event(*self._event(record))
            self._is_used = True
        except Exception:  # noqa: BLE001 - a report must not break what is reported
            self.handleError(record)

    def flush(self) -> None:
        """Sends what is left, within FLUSH_SECONDS. Python's logging calls it when a process ends."""
        if self._is_used:
            self._clients.get().flush(timeout=FLUSH_SECONDS)

    def _connect(self) -> Any:
        import sentry_sdk

        return sentry_sdk.Client(
            **self._options,
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
            max_breadcrumbs=0,
            server_name="",  # the machine's name stays here
        )

    def _event(self, record: logging.LogRecord) -> tuple[dict[str, Any], dict[str, Any]]:
        from sentry_sdk.utils import event_from_exception, exc_info_from_error

        values = dict(record.msg) if isinstance(record.msg, dict) else {"event": record.getMessage()}
        values = structlog.contextvars.get_contextvars() | values
        raised = values.get("exc_info") or record.exc_info
        if isinstance(raised, BaseException):
            raised = exc_info_from_error(raised)
        elif raised is True:
            raised = sys.exc_info()
        event: dict[str, Any] = {}
        hint: dict[str, Any] = {}
        if isinstance(raised, tuple) and raised[1] is not None:
            made, hint = event_from_exception(raised, client_options=self._clients.get().options)
            event |= made
        event |= {
            "level": record.levelname.lower(),
            "logger": record.name,
            "logentry": {"message": str(values.get("event"))},
            "tags": {name: str(values[name]) for name in TAGS if values.get(name)},
            "extra": {name: repr(value) for name, value in values.items() if name not in _SHOWN_ELSEWHERE},
        }
        return event, hint
