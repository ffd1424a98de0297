import pytest
from django.db import connection

from invenicum.transactions import bounded


def synchronous_commit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_only_a_transaction_that_need_not_be_durable_does_not_wait_for_the_disk() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such setting")
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    with bounded():
        assert synchronous_commit() == "on"
    with bounded(durable=False):
        assert synchronous_commit() == "off"
    assert synchronous_commit() == "on"
    connection.close()
