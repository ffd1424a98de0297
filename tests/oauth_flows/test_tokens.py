from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from integrations.core.errors import AuthFailed, ConnectionFailed
from integrations.core.http import Flow, Request, Response
from integrations.egress.curl import run_flow
from integrations.models import Integration
from invenicum.accounts.models import User
from oauth_flows import tokens
from oauth_flows.models import Grant
from oauth_flows.refresh import NeedsReconnect, refresh_due
from tests.audit_trail import connection_entries
from tests.fakes.http_server import close, json_answer
from tests.fakes.token_server import TokenServer
from tests.oauth_flows.connected import connect_dropbox
from tests.waiting import WAIT_DEADLINE_SECONDS

pytestmark = pytest.mark.django_db
WORKERS = 16


def upload(url: str) -> Callable[[Any], Flow[str]]:
    """A call that says with which token it succeeded."""

    def call(config: Any) -> Flow[str]:
        token = config.access_token.get_secret_value()
        response = yield Request("POST", f"{url}/2/files/upload", {"Authorization": f"Bearer {token}"}, b"{}")
        if response.status == 401:
            raise AuthFailed("no")
        return str(token)

    return call


def use(grant: Grant, url: str) -> str:
    return tokens.run(grant.integration, grant.integration.load_config(), upload(url))


def use_at_once(grant: Grant, url: str) -> set[str]:
    """The tokens with which sixteen workers succeed that begin at the same time."""
    start = Barrier(WORKERS, timeout=WAIT_DEADLINE_SECONDS)

    def work(_: int) -> str:
        try:
            start.wait()
            return use(Grant.objects.select_related("integration").get(pk=grant.pk), url)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        return set(pool.map(work, range(WORKERS)))


def test_a_token_is_used_while_it_is_valid(dropbox: TokenServer, alice: User) -> None:
    assert use(connect_dropbox(alice), dropbox.url) == "access-1"
    assert dropbox.refreshes == 0


@pytest.mark.parametrize("expires_in", [-60, 60], ids=["expired", "about to expire"])
def test_it_is_refreshed_before_it_is_used(dropbox: TokenServer, alice: User, expires_in: int) -> None:
    grant = connect_dropbox(alice, expires_in=expires_in)
    assert use(grant, dropbox.url) == "access-2"
    grant.refresh_from_db()
    assert (grant.access_token, grant.refresh_token) == ("access-2", "refresh-2")
    assert grant.expires_at
    assert grant.expires_at > timezone.now() + timedelta(seconds=3500)
    assert grant.leased_until is None


def test_the_sweep_refreshes_what_is_about_to_expire(dropbox: TokenServer, alice: User, bob: User) -> None:
    due, later = connect_dropbox(alice, expires_in=60), connect_dropbox(bob)
    assert refresh_due() == 1
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.access_token, later.access_token) == ("access-2", "access-1")
    assert refresh_due() == 0


def test_a_refused_token_is_refreshed_once_and_tried_again(dropbox: TokenServer, alice: User) -> None:
    dropbox.number = 2
    grant = connect_dropbox(alice)
    Grant.objects.update(tokens={"access": "access-1", "refresh": "refresh-2"})
    assert use(grant, dropbox.url) == "access-3"
    assert dropbox.refreshes == 1


def test_a_fresh_token_that_is_refused_is_not_refreshed_again_and_again(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice, age=5)
    dropbox.number = 2
    with pytest.raises(AuthFailed):
        use(grant, dropbox.url)
    assert dropbox.refreshes == 0


def test_a_provider_that_does_not_rotate_keeps_its_refresh_token(dropbox: TokenServer, alice: User) -> None:
    dropbox.fails = json_answer(200, {"access_token": "access-1", "expires_in": "3600"})
    grant = connect_dropbox(alice, expires_in=-1)
    assert use(grant, dropbox.url) == "access-1"
    grant.refresh_from_db()
    assert grant.refresh_token == "refresh-1"
    assert grant.refresh_at
    assert grant.refresh_at > timezone.now()


def test_without_expires_in_a_token_is_used_until_it_is_refused(dropbox: TokenServer, alice: User) -> None:
    dropbox.expires_in = None
    grant = connect_dropbox(alice, expires_in=-1)
    use(grant, dropbox.url)
    grant.refresh_from_db()
    assert (grant.expires_at, grant.refresh_at) == (None, None)


def test_a_refusal_asks_the_owner_to_connect_again(dropbox: TokenServer, alice: User) -> None:
    dropbox.revoked = True
    grant = connect_dropbox(alice, expires_in=-1)
    with pytest.raises(NeedsReconnect):
        use(grant, dropbox.url)
    integration = Integration.objects.get()
    assert integration.status == "needs_reconnect"
    assert "Dropbox" in integration.status_reason
    assert connection_entries().get().action == "refused"
    with pytest.raises(NeedsReconnect):
        use(grant, dropbox.url)
    assert dropbox.refreshes == 1


def test_a_token_without_refresh_that_is_refused_asks_for_a_new_connection(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice, expires_in=None, refresh=False)
    dropbox.revoked = True
    with pytest.raises(NeedsReconnect):
        use(grant, dropbox.url)
    assert Integration.objects.get().status == "needs_reconnect"
    assert dropbox.refreshes == 0


@pytest.mark.parametrize(
    "answer",
    [
        json_answer(503, {}),
        json_answer(401, {"error": "invalid_client"}),
        (200, {}, b"<html>welcome</html>"),
        json_answer(200, {"token_type": "bearer"}),
        close,
    ],
    ids=["down", "our client is refused", "not JSON", "no token", "closed"],
)
def test_a_failure_that_may_pass_changes_nothing_for_the_owner(dropbox: TokenServer, alice: User, answer: Any) -> None:
    dropbox.fails = answer
    grant = connect_dropbox(alice, expires_in=-1)
    with pytest.raises(ConnectionFailed):
        use(grant, dropbox.url)
    assert Integration.objects.get().status == "active"
    grant.refresh_from_db()
    assert (grant.refresh_token, grant.leased_until) == ("refresh-1", None)
    assert grant.refresh_at
    assert grant.refresh_at > timezone.now()
    dropbox.fails = None
    assert use(grant, dropbox.url) == "access-2"


def test_a_token_endpoint_that_asks_to_wait_is_not_asked_before(dropbox: TokenServer, alice: User) -> None:
    dropbox.fails = json_answer(429, {"error": "slow_down"}, {"Retry-After": "900"})
    grant = connect_dropbox(alice, expires_in=-1)
    for attempt in (grant, grant, Grant.objects.select_related("integration").get()):
        with pytest.raises(ConnectionFailed) as caught:
            use(attempt, dropbox.url)
        assert caught.value.retry_after
        assert 800 < caught.value.retry_after <= 900
    grant.refresh_from_db()
    assert grant.refresh_at
    assert grant.refresh_at > timezone.now() + timedelta(seconds=800)
    assert (dropbox.refreshes, refresh_due()) == (1, 0)
    dropbox.fails = None
    Grant.objects.update(retry_at=timezone.now())
    assert use(grant, dropbox.url) == "access-2"
    assert Grant.objects.get().retry_at is None


def test_another_worker_learns_that_the_token_endpoint_asks_to_wait(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice, expires_in=-1)
    cached = Grant.objects.select_related("integration").get()
    dropbox.fails = json_answer(503, {}, {"Retry-After": "60"})
    for attempt in (grant, cached):
        with pytest.raises(ConnectionFailed) as caught:
            run_flow(tokens.authorized(attempt, attempt.integration.load_config(), upload(dropbox.url)))
        assert caught.value.retry_after
    assert dropbox.refreshes == 1


def test_a_valid_token_is_used_while_its_token_endpoint_asks_to_wait(dropbox: TokenServer, alice: User) -> None:
    dropbox.fails = json_answer(429, {}, {"Retry-After": "900"})
    grant = connect_dropbox(alice, expires_in=60)
    assert [use(grant, dropbox.url) for _ in range(3)] == ["access-1"] * 3
    assert dropbox.refreshes == 1


def test_a_long_outage_is_noted_once(dropbox: TokenServer, alice: User) -> None:
    dropbox.fails = json_answer(503, {})
    connect_dropbox(alice, expires_in=-1)
    for _ in range(3):
        Grant.objects.update(refresh_at=timezone.now())
        refresh_due()
    assert [entry.action for entry in connection_entries()] == ["refresh_failed"]


def test_a_valid_token_is_used_while_its_provider_is_down(dropbox: TokenServer, alice: User) -> None:
    dropbox.fails = json_answer(503, {})
    assert use(connect_dropbox(alice, expires_in=60), dropbox.url) == "access-1"


def test_only_the_grant_that_cannot_be_decrypted_fails(dropbox: TokenServer, alice: User, bob: User) -> None:
    broken, sound = connect_dropbox(alice, expires_in=60), connect_dropbox(bob, expires_in=60)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE oauth_flows_grant SET tokens = %s WHERE id = %s", [b"nonsense", broken.pk])
    refresh_due()
    sound.refresh_from_db()
    assert sound.access_token == "access-2"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one thread write at a time")
@pytest.mark.parametrize("expires_in", [-60, 60], ids=["expired", "about to expire"])
def test_of_sixteen_workers_one_refreshes(settings: Any, dropbox: TokenServer, alice: User, expires_in: int) -> None:
    dropbox.seconds = 0.5
    grant = connect_dropbox(alice, expires_in=expires_in)
    used = use_at_once(grant, dropbox.url)
    assert dropbox.refreshes == 1
    assert not dropbox.revoked
    assert used <= ({"access-2"} if expires_in < 0 else {"access-1", "access-2"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite lets one thread write at a time")
def test_of_sixteen_workers_that_are_refused_one_refreshes(dropbox: TokenServer, alice: User) -> None:
    dropbox.seconds = 0.5
    dropbox.number = 2
    grant = connect_dropbox(alice)
    Grant.objects.update(tokens={"access": "access-1", "refresh": "refresh-2"})
    assert use_at_once(grant, dropbox.url) == {"access-3"}
    assert dropbox.refreshes == 1


def test_a_refusal_of_tokens_that_another_caller_has_replaced_is_ignored(dropbox: TokenServer, alice: User) -> None:
    slow = connect_dropbox(alice, expires_in=-1)
    flow = tokens.authorized(slow, slow.integration.load_config(), upload(dropbox.url))
    next(flow)  # on its way to the token endpoint, for longer than its lease
    Grant.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    refresh_due()
    request = flow.send(Response(400, {}, b'{"error": "invalid_grant"}'))
    assert request.headers["Authorization"] == "Bearer access-2"
    assert Integration.objects.get().status == "active"


def test_an_abandoned_lease_expires(dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice, expires_in=-1)
    Grant.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert use(grant, dropbox.url) == "access-2"


def test_tokens_fetched_by_another_caller_are_used(dropbox: TokenServer, alice: User) -> None:
    known = connect_dropbox(alice, expires_in=-1)
    refresh_due()
    flow = tokens.authorized(known, known.integration.load_config(), upload(dropbox.url))
    assert next(flow).headers["Authorization"] == "Bearer access-2"
    assert dropbox.refreshes == 1


@pytest.mark.parametrize("repeated", ["dropbox-secret", "refresh-1", "access-1"])
def test_a_failed_refresh_repeats_no_token(repeated: str, dropbox: TokenServer, alice: User) -> None:
    grant = connect_dropbox(alice, expires_in=-60)
    dropbox.fails = json_answer(400, {"error": f"bad {repeated}"})
    with pytest.raises(ConnectionFailed) as caught:
        use(grant, dropbox.url)
    assert "(bad [hidden])" in caught.value.message
    assert "bad [hidden]" in connection_entries().get().detail
