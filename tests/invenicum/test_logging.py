import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings

from invenicum.logging import REMOVED, configure, log_uncaught


def lines_of(for_people: bool) -> tuple[io.StringIO, dict[str, Any]]:
    stream = io.StringIO()
    configuration = configure("INFO", for_people=for_people)
    configuration["handlers"]["stderr"]["stream"] = stream
    return stream, configuration


@pytest.fixture
def json_log() -> Iterator[io.StringIO]:
    stream, configuration = lines_of(for_people=False)
    logging.config.dictConfig(configuration)
    yield stream
    logging.config.dictConfig(settings.LOGGING)


@pytest.fixture
def people_log() -> Iterator[io.StringIO]:
    stream, configuration = lines_of(for_people=True)
    logging.config.dictConfig(configuration)
    yield stream
    logging.config.dictConfig(settings.LOGGING)


def test_an_event_is_one_line_of_json(json_log: io.StringIO) -> None:
    structlog.get_logger("webhooks.engine").info("delivered", count=3)
    event = json.loads(json_log.getvalue())
    assert {
        "event": "delivered",
        "count": 3,
        "level": "info",
        "logger": "webhooks.engine",
    }.items() <= event.items()
    assert event["timestamp"].endswith("Z")


def test_records_of_other_loggers_look_the_same(json_log: io.StringIO) -> None:
    logging.getLogger("django.request").warning("Not Found: %s", "/x")
    assert json.loads(json_log.getvalue())["event"] == "Not Found: /x"


def test_celery_does_not_log_every_task(json_log: io.StringIO) -> None:
    logging.getLogger("celery.app.trace").info("Task succeeded")
    assert json_log.getvalue() == ""
    logging.getLogger("celery.app.trace").error("Task failed")
    assert "Task failed" in json_log.getvalue()


def test_values_with_names_of_secrets_are_removed_at_any_depth(json_log: io.StringIO) -> None:
    structlog.get_logger().warning(
        "odd",
        apiKey="ghp_1",
        config={"webhookSecret": "s", "headers": {"Authorization": "Bearer t"}, "region": "us-east-1"},
        grants=[{"refresh_token": "r"}],
        code="oauth-code",
        statusCode=500,
    )
    event = json.loads(json_log.getvalue())
    assert event["apiKey"] == event["code"] == REMOVED
    assert event["config"] == {
        "webhookSecret": REMOVED,
        "headers": {"Authorization": REMOVED},
        "region": "us-east-1",
    }
    assert event["grants"] == [{"refresh_token": REMOVED}]
    assert event["statusCode"] == 500


def failure(password: str) -> ValueError:
    try:
        raise ValueError("it failed")
    except ValueError as error:
        return error


def by_structlog(error: ValueError) -> None:
    structlog.get_logger().error("crashed", exc_info=error)


def by_another_logger(error: ValueError) -> None:
    logging.getLogger("asyncio").error("Task exception was never retrieved", exc_info=error)


def uncaught(error: ValueError) -> None:
    log_uncaught(type(error), error, error.__traceback__)


@pytest.mark.parametrize("log", ["json_log", "people_log"])
@pytest.mark.parametrize("tell", [by_structlog, by_another_logger, uncaught])
def test_a_traceback_is_told_without_local_variables(
    log: str, tell: Callable[[ValueError], None], request: pytest.FixtureRequest
) -> None:
    stream: io.StringIO = request.getfixturevalue(log)
    tell(failure(password="-".join(["hunter", "2"])))  # outside of the block that has caught it
    assert "in failure" in stream.getvalue()
    assert "ValueError: it failed" in stream.getvalue()
    assert "hunter-2" not in stream.getvalue()
    assert log == "people_log" or stream.getvalue().count("\n") == 1
