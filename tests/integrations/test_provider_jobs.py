import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from integrations import registry
from integrations.connectors.github import GitHub
from integrations.connectors.webhook import Webhook
from integrations.core.http import Flow
from integrations.models import Integration, ProviderJob
from integrations.provider_jobs import MAX_WAITING_DELETES, PROVIDER_JOB_RETRY_SECONDS, ProviderJobRunner, schedule_save
from integrations.services import delete_integration, save_integration, set_active
from invenicum.accounts.models import User
from invenicum.jobs import Failure
from tests.fakes.github import TOKEN, FakeGitHub
from tests.jobs import run_provider_jobs

WAIT_SECONDS = 60

GITHUB = {
    "apiKey": TOKEN,
    "organization": "my-org",
    "repository": "asset-repo",
    "webhookUrl": "https://api.invenicum.com/webhooks/github",
}


class Channel(Webhook):
    """A connector with a channel at its service that expires after an hour."""

    type = "channel"

    def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        yield from ()
        return {"renewals": state.get("renewals", 0) + 1, "renewAt": int(time.time()) + 3600}


class Crashing(Webhook):
    type = "crashing"

    def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
        yield from ()
        raise ZeroDivisionError


@pytest.fixture
def github(settings: Settings) -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    with fake:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": fake.url}}
        yield fake


def test_a_hook_is_registered_after_the_save_and_removed_after_the_delete(alice: User, github: FakeGitHub) -> None:
    integration = save_integration(alice, "github", GITHUB).integration
    assert github.hooks == {}, "a save does not wait for the provider"
    assert run_provider_jobs() == 1
    (hook,) = github.hooks.values()
    integration.refresh_from_db()
    assert integration.remote_state["hookId"] == str(hook["id"])
    assert hook["config"]["secret"] == integration.secrets["webhookSecret"], "one is made if the user gives none"
    assert hook["config"]["url"] == f"{GITHUB['webhookUrl']}/{integration.pk}", "no other integration has its address"
    delete_integration(alice, "github")
    assert run_provider_jobs() == 1
    assert github.hooks == {}
    assert not ProviderJob.objects.exists()


def test_a_hook_that_cannot_be_registered_is_reported_to_its_owner(alice: User, github: FakeGitHub) -> None:
    integration = save_integration(alice, "github", {**GITHUB, "repository": "no-such-repo"}).integration
    run_provider_jobs()
    run_provider_jobs()
    integration.refresh_from_db()
    job = ProviderJob.objects.filter(integration_id=integration.pk).get()
    assert "no-such-repo" in job.last_error
    assert "no-such-repo" in integration.status_reason, "at once, not when the last try has failed"
    assert integration.is_active


def test_a_hooks_problem_ends_when_it_is_registered(alice: User, github: FakeGitHub) -> None:
    github.hook_answers = [(500, {}, b"")]
    integration = save_integration(alice, "github", GITHUB).integration
    run_provider_jobs()
    integration.refresh_from_db()
    assert "is tried again" in integration.status_reason
    ProviderJob.objects.filter(integration_id=integration.pk).update(due_at=timezone.now())
    run_provider_jobs()
    integration.refresh_from_db()
    assert integration.status_reason == ""
    assert len(github.hooks) == 1


@pytest.mark.parametrize(
    "delete",
    [lambda owner: delete_integration(owner, "github"), lambda owner: owner.delete()],
    ids=["integration", "owner"],
)
def test_a_hook_that_is_registered_during_a_deletion_is_removed_again(
    alice: User, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch, delete: Callable[[User], object]
) -> None:
    class Meanwhile(GitHub):
        def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            state = yield from super().on_save(config, state)
            delete(alice)
            return state

    monkeypatch.setattr(registry, "CONNECTORS", (Meanwhile,))
    save_integration(alice, "github", GITHUB)
    run_provider_jobs()
    assert github.hooks == {}
    assert not ProviderJob.objects.exists()


def test_a_hooks_problem_is_still_shown_after_a_pause_and_ends_with_a_save(alice: User, github: FakeGitHub) -> None:
    github.hook_answers = [(500, {}, b"")]
    save_integration(alice, "github", GITHUB)
    run_provider_jobs()
    said = Integration.objects.get().status_reason
    assert said.startswith("The webhook could not be registered yet, and is tried again: ")
    assert set_active(alice, "github", False).status_reason == ""
    assert set_active(alice, "github", True).status_reason == said
    assert save_integration(alice, "github", GITHUB).integration.status_reason == ""


def test_a_hook_that_was_given_up_is_not_reported_as_retried(alice: User, github: FakeGitHub) -> None:
    save_integration(alice, "github", {**GITHUB, "repository": "no-such-repo"})
    ProviderJob.objects.update(attempt_count=len(PROVIDER_JOB_RETRY_SECONDS) - 1)
    run_provider_jobs()
    assert ProviderJob.objects.get().due_at is None
    assert Integration.objects.get().hook_status == "failed"
    assert Integration.objects.get().status_reason.startswith("The webhook could not be registered: ")


def test_a_job_that_cannot_be_read_or_crashes_does_not_stop_the_others(
    alice: User, bob: User, charlie: User, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "CONNECTORS", (*registry.CONNECTORS, Crashing))
    save_integration(charlie, "crashing", {"url": "https://example.com/"})
    unreadable = save_integration(bob, "github", GITHUB).integration
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s WHERE type = 'github'", [b"?"])
    save_integration(alice, "github", GITHUB)
    run_provider_jobs()
    assert len(github.hooks) == 1
    assert "cannot be decrypted" in ProviderJob.objects.filter(integration_id=unreadable.pk).get().last_error
    assert ProviderJob.objects.filter(last_error__contains="has been logged").count() == 1


def test_a_channel_that_expires_is_renewed_in_time(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CONNECTORS", (*registry.CONNECTORS, Channel))
    integration = save_integration(alice, "channel", {"url": "https://example.com/"}).integration
    run_provider_jobs()
    job = ProviderJob.objects.filter(integration_id=integration.pk).get()
    assert job.due_at is not None
    assert timedelta(minutes=58) < job.due_at - timezone.now() <= timedelta(hours=1)
    assert job.attempt_count == 0
    assert run_provider_jobs() == 0
    ProviderJob.objects.filter(integration_id=integration.pk).update(due_at=timezone.now())
    assert run_provider_jobs() == 1
    integration.refresh_from_db()
    assert integration.remote_state["renewals"] == 2
    delete_integration(alice, "channel")
    assert not ProviderJob.objects.filter(integration_id=integration.pk).exists()


def test_a_delete_continues_if_the_secrets_can_no_longer_be_decrypted(alice: User, github: FakeGitHub) -> None:
    save_integration(alice, "github", GITHUB)
    run_provider_jobs()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
    delete_integration(alice, "github")
    assert not Integration.objects.live().exists()
    assert run_provider_jobs() == 0
    assert len(github.hooks) == 1, "nothing can be said to the provider without the key"


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has no row locks")
def test_a_save_during_a_failed_attempt_does_not_deadlock(alice: User, github: FakeGitHub) -> None:
    integration = save_integration(alice, "github", GITHUB).integration
    [job] = ProviderJobRunner().claim(timezone.now(), 1)

    noted: list[int] = []

    def note_failure() -> None:
        ProviderJobRunner().fail(job, Failure("not now"))
        noted.append(job.pk)
        connection.close()

    thread = Thread(target=note_failure)
    with transaction.atomic():
        Integration.objects.select_for_update().get(pk=integration.pk)
        thread.start()
        wait_until(is_a_statement_waiting_for_a_lock)
        schedule_save(integration)
    thread.join(WAIT_SECONDS)
    assert noted == [job.pk]
    assert ProviderJob.objects.get().attempt_count == 0, "the new job, not the one that failed"


def is_a_statement_waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        [count] = cursor.fetchone() or [0]
    return bool(count)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_save_while_its_hook_is_being_registered_registers_it_once_more_afterwards(
    alice: User, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way, most = 0, 0

    class Saved(GitHub):
        def on_save(self, config: Any, state: Mapping[str, Any]) -> Flow[dict[str, Any]]:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if github.hooks == {}:
                save_integration(alice, "github", GITHUB)
                assert ProviderJobRunner().claim(timezone.now(), 10) == []
            state = yield from super().on_save(config, state)
            under_way -= 1
            return state

    monkeypatch.setattr(registry, "CONNECTORS", (Saved,))
    save_integration(alice, "github", GITHUB)
    assert run_provider_jobs() == 2
    assert (len(github.hooks), most) == (1, 1)


def test_removals_that_wait_for_a_provider_are_limited(alice: User, github: FakeGitHub) -> None:
    for _ in range(MAX_WAITING_DELETES + 2):
        save_integration(alice, "github", GITHUB)
        delete_integration(alice, "github")
    assert ProviderJob.objects.filter(kind="delete").count() == MAX_WAITING_DELETES
