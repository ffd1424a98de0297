"""A user is removed while their app confirms a connection."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction

from invenicum.accounts.models import User
from invenicum.accounts.services import remove
from oauth_flows.models import Grant, Revocation, UnconfirmedConnection
from tests.api_client import Api
from tests.fakes.authorization_server import AuthorizationServer
from tests.oauth_flows.consent import Consent
from tests.oauth_flows.native_app import confirm
from tests.oauth_flows.test_confirmations import unconfirmed
from tests.waiting import WAIT_DEADLINE_SECONDS, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("native")]


def waiting_sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one thread write at a time")
@pytest.mark.parametrize("is_confirmed_first", [True, False])
def test_a_confirmation_and_the_removal_of_its_user_do_not_wait_for_each_other(
    is_confirmed_first: bool, drive: AuthorizationServer, ada: Consent, alice: User, api: Api
) -> None:
    result, app = unconfirmed(api, alice, ada), api(alice)

    def confirming() -> int:
        try:
            return int(confirm(app, result).status_code)
        finally:
            connections.close_all()

    def removing() -> None:
        try:
            remove(User.objects.get(pk=alice.pk))
        finally:
            connections.close_all()

    calls = [confirming, removing] if is_confirmed_first else [removing, confirming]
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():  # the row that both need is taken until both wait, in this order
            assert UnconfirmedConnection.objects.select_for_update().defer("tokens").get()
            ends = {}
            for number, call in enumerate(calls, 1):
                ends[call] = pool.submit(call)
                wait_until(lambda waiting=number: waiting_sessions() >= waiting, f"{number} wait")  # type: ignore[misc]
        ends[removing].result(WAIT_DEADLINE_SECONDS)  # raises if PostgreSQL ended it because of a deadlock
        assert ends[confirming].result(WAIT_DEADLINE_SECONDS) == (200 if is_confirmed_first else 400)
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not UnconfirmedConnection.objects.exists()
    assert not Grant.objects.exists()
    assert Revocation.objects.count() == 1, "what was granted is revoked, whichever came first"
