"""Errors of the database that pass, and those that do not."""

import pytest
from django.db import DataError, IntegrityError, InterfaceError, InternalError, OperationalError, connection

from invenicum.api.errors import exception_handler
from invenicum.api.unavailable import is_unavailable


class Reason(Exception):
    """The driver's error, with its code."""

    def __init__(self, sqlstate: str | None = None) -> None:
        self.sqlstate = sqlstate


def caused(error: Exception, sqlstate: str) -> Exception:
    error.__cause__ = Reason(sqlstate)
    return error


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("the connection is lost"),
        InterfaceError("connection already closed"),
        caused(InternalError("cannot execute INSERT in a read-only transaction"), "25006"),
        caused(OperationalError("deadlock detected"), "40P01"),
    ],
)
def test_an_error_that_passes_is_answered_with_503_and_a_time(error: Exception) -> None:
    response = exception_handler(error, {})
    assert (response.status_code, response.data["error"], response["Retry-After"]) == (503, "UNAVAILABLE", "2")
    assert str(error) not in response.data["message"]


@pytest.mark.parametrize(
    "error", [DataError("too long"), IntegrityError("duplicate"), caused(InternalError("aborted"), "25P02"), OSError()]
)
def test_an_error_that_stays_is_a_crash(error: Exception) -> None:
    assert not is_unavailable(error)
    assert exception_handler(error, {}).status_code == 500


@pytest.mark.django_db
def test_a_statement_that_is_wrong_is_a_crash_on_any_database() -> None:
    with pytest.raises(Exception, match="no_such_table") as raised, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM no_such_table")
    assert not is_unavailable(raised.value)
