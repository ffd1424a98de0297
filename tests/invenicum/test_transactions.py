import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from invenicum.accounts.models import User
from invenicum.transactions import bounded, defer, is_locked, read_together

RENAME = "UPDATE accounts_user SET first_name = %s WHERE id = %s"


@transaction.atomic
def take_username(user: User, username: str) -> None:
    User.objects.filter(pk=user.pk).update(first_name="Bea")
    defer("UPDATE accounts_user SET username = %s WHERE id = %s", [username, user.pk])


def name_of(user: User) -> str:
    return User.objects.values_list("first_name", flat=True).get(pk=user.pk)


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


@pytest.mark.django_db(transaction=True)
def test_a_deferred_statement_is_carried_out_before_the_next_one(alice: User) -> None:
    with transaction.atomic():
        defer(RENAME, ["100 % Alice; SELECT %s", alice.pk])
        assert name_of(alice) == "100 % Alice; SELECT %s"
        defer(RENAME, ["Bea", alice.pk])
        defer(RENAME, ["Cleo", alice.pk])
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE accounts_user SET last_name = first_name WHERE id = %s", [[alice.pk]])
    assert User.objects.values_list("first_name", "last_name").get(pk=alice.pk) == ("Cleo", "Cleo")


@pytest.mark.django_db(transaction=True)
def test_a_deferred_statement_is_committed_with_its_transaction_or_not_at_all(alice: User) -> None:
    with transaction.atomic():
        defer(RENAME, ["Bea", alice.pk])
    assert name_of(alice) == "Bea"
    with transaction.atomic():
        defer(RENAME, ["Cleo", alice.pk])
        transaction.set_rollback(True)
    assert name_of(alice) == "Bea"
    with transaction.atomic():
        with transaction.atomic():
            defer(RENAME, ["Dora", alice.pk])
        assert name_of(alice) == "Dora"
        transaction.set_rollback(True)
    assert name_of(alice) == "Bea"


@pytest.mark.django_db(transaction=True)
def test_an_error_of_a_deferred_statement_undoes_its_transaction(alice: User, bob: User) -> None:
    with pytest.raises(IntegrityError):
        take_username(alice, bob.username)
    assert name_of(alice) == ""
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(first_name="Cleo")
    assert name_of(alice) == "Cleo"


@pytest.mark.django_db(transaction=True)
def test_a_transaction_without_a_statement_costs_none(alice: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL's transactions begin with their first statement")
    with transaction.atomic():
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() = statement_timestamp()")  # no transaction has been left open
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db(transaction=True)
def test_selects_that_are_read_together_give_their_own_rows(alice: User, bob: User) -> None:
    named = "SELECT username FROM accounts_user WHERE id = %s"
    with CaptureQueriesContext(connection) as queries:
        found = read_together((named, [alice.pk]), ("", []), (named, [0]), ("SELECT 1 UNION SELECT 2", []))
    assert [sorted(rows) for rows in found] == [[(alice.username,)], [], [], [(1,), (2,)]]
    assert len(queries) == (1 if connection.vendor == "postgresql" else 3)


@pytest.mark.django_db(transaction=True)
def test_a_bounded_transaction_does_not_wait_for_a_locked_row(alice: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite locks no rows")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT FROM accounts_user WHERE id = %s FOR UPDATE", [alice.pk])
        with pytest.raises(OperationalError) as refused, bounded():
            defer(RENAME, ["Bea", alice.pk])
        assert is_locked(refused.value)
    finally:
        other.close()
