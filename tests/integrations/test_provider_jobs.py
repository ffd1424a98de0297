import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integrations import registry
from integrations.connectors.github import GitHub
from integrations.connectors.webhook import Webhook
from integrations.models import Integration, RemoteJob
from integrations.provider_jobs import run_due_jobs
from integrations.services import delete_integration, save_integration
from tests.fakes.github import TOKEN, FakeGitHub

GITHUB = {
    "apiKey": TOKEN,
    "organization": "my-org",
    "repository": "asset-repo",
    "webhookUrl": "https://api.invenicum.com/webhooks/github",
}


class Channel(Webhook):
    """Keeps something at its service that ends by itself in an hour."""

    type = "channel"

    def on_save(self, config, state):
        yield from ()
        return {"renewals": state.get("renewals", 0) + 1, "renewAt": int(time.time()) + 3600}


class Crashing(Webhook):
    type = "crashing"

    def on_save(self, config, state):
        yield from ()
        raise ZeroDivisionError


@pytest.fixture
def github(settings):
    with FakeGitHub() as fake:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": fake.url}}
        yield fake


def test_a_hook_is_registered_after_the_save_and_removed_after_the_delete(alice, github):
    integration = save_integration(alice, "github", GITHUB).integration
    assert github.hooks == {}, "a save does not wait for the provider"
    assert run_due_jobs() == 1
    (hook,) = github.hooks.values()
    integration.refresh_from_db()
    assert integration.remote_state["hookId"] == str(hook["id"])
    assert hook["config"]["secret"] == integration.secrets["webhookSecret"], "one is made where the user gives none"
    delete_integration(alice, "github")
    assert run_due_jobs() == 1
    assert github.hooks == {}
    assert not RemoteJob.objects.exists()


def test_a_hook_that_cannot_be_registered_is_told_its_owner(alice, github):
    integration = save_integration(alice, "github", {**GITHUB, "repository": "no-such-repo"}).integration
    run_due_jobs()
    run_due_jobs()
    integration.refresh_from_db()
    job = integration.remote_jobs.get()
    assert "no-such-repo" in job.last_error
    assert "no-such-repo" in integration.status_reason, "at once, not when the last try has failed"
    assert integration.is_active


def test_what_is_said_of_a_hook_is_taken_back_when_it_is_registered(alice, github):
    github.hook_answers = [(500, {}, b"")]
    integration = save_integration(alice, "github", GITHUB).integration
    run_due_jobs()
    integration.refresh_from_db()
    assert "is tried again" in integration.status_reason
    integration.remote_jobs.update(due_at=timezone.now())
    run_due_jobs()
    integration.refresh_from_db()
    assert integration.status_reason == ""
    assert len(github.hooks) == 1


def test_a_hook_that_is_registered_while_its_integration_is_deleted_is_removed_again(alice, github, monkeypatch):
    class Meanwhile(GitHub):
        def on_save(self, config, state):
            state = yield from super().on_save(config, state)
            delete_integration(alice, "github")
            return state

    monkeypatch.setattr(registry, "CONNECTORS", (Meanwhile,))
    save_integration(alice, "github", GITHUB)
    run_due_jobs()
    assert github.hooks == {}
    assert not RemoteJob.objects.exists()


def test_a_job_that_cannot_be_read_or_crashes_keeps_no_other_from_being_done(alice, bob, charlie, github, monkeypatch):
    monkeypatch.setattr(registry, "CONNECTORS", (*registry.CONNECTORS, Crashing))
    save_integration(charlie, "crashing", {"url": "https://example.com/"})
    unreadable = save_integration(bob, "github", GITHUB).integration
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s WHERE type = 'github'", [b"?"])
    save_integration(alice, "github", GITHUB)
    run_due_jobs()
    assert len(github.hooks) == 1
    assert "cannot be decrypted" in unreadable.remote_jobs.get().last_error
    assert RemoteJob.objects.filter(last_error__contains="has been logged").count() == 1


def test_a_channel_that_ends_by_itself_is_renewed_in_time(alice, monkeypatch):
    monkeypatch.setattr(registry, "CONNECTORS", (*registry.CONNECTORS, Channel))
    integration = save_integration(alice, "channel", {"url": "https://example.com/"}).integration
    run_due_jobs()
    job = integration.remote_jobs.get()
    assert timedelta(minutes=58) < job.due_at - timezone.now() <= timedelta(hours=1)
    assert job.attempt_count == 0
    assert run_due_jobs() == 0
    integration.remote_jobs.update(due_at=timezone.now())
    assert run_due_jobs() == 1
    integration.refresh_from_db()
    assert integration.remote_state["renewals"] == 2
    delete_integration(alice, "channel")
    assert not integration.remote_jobs.exists()


def test_a_delete_goes_on_where_the_secrets_cannot_be_decrypted_any_more(alice, github):
    save_integration(alice, "github", GITHUB)
    run_due_jobs()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET secrets = %s", [b"?"])
    delete_integration(alice, "github")
    assert not Integration.objects.live().exists()
    assert run_due_jobs() == 0
    assert len(github.hooks) == 1, "nothing can be said to the provider without the key"
