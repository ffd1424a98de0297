"""Attempts to have a stored secret sent to another address, by saving or testing a configuration with blank secrets."""

from typing import Any

import pytest

from integrations.models import Integration, ProviderJob
from invenicum.accounts.models import User
from oauth_flows.models import Grant
from tests.fakes.http_server import Answer, FakeServer, Received
from tests.jobs import run_provider_jobs

pytestmark = pytest.mark.django_db

HOOK = "https://api.invenicum.com/webhooks/gitlab"
GITLAB = {
    "apiKey": "glpat-xxxxxxxxxxxxxxxxxxxx",
    "project": "my-group/asset-repo",
    "webhookUrl": HOOK,
    "webhookSecret": "the-hook-secret",
}
DRIVE = {"webhookUrl": HOOK, "webhookSecret": "the-hook-secret"}


def gone(request: Received) -> Answer:
    return 404, {}, b""


def post(client: Any, path: str, integration_type: str, config: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/integrations{path}", {"type": integration_type, "config": config})


@pytest.mark.parametrize("path", ["", "/test"])
def test_a_hook_secret_does_not_follow_a_new_webhook_address_at_gitlab(api: Any, alice: User, path: str) -> None:
    assert post(api(alice), "", "gitlab", GITLAB).status_code == 200
    moved = {**GITLAB, "apiKey": "", "webhookSecret": "", "webhookUrl": "https://evil.example.com/hook"}
    answer = post(api(alice), path, "gitlab", moved)
    assert answer.status_code == 400
    assert answer.json()["details"] == {"webhookSecret": ["must be given again, because webhookUrl changed"]}
    again = post(api(alice), "", "gitlab", {**moved, "webhookSecret": "another-secret"})
    assert again.status_code == 200
    assert Integration.objects.get().secrets["webhookSecret"] == "another-secret"


def test_a_hook_secret_does_not_follow_a_new_server_with_a_new_key(api: Any, alice: User) -> None:
    post(api(alice), "", "gitlab", GITLAB)
    moved = {
        **GITLAB,
        "apiKey": "glpat-yyyyyyyyyyyyyyyyyyyy",
        "webhookSecret": "",
        "baseUrl": "https://git.example.com",
    }
    answer = post(api(alice), "", "gitlab", moved)
    assert answer.json()["details"] == {"webhookSecret": ["must be given again, because baseUrl changed"]}


def test_a_hook_secret_is_made_again_when_it_is_erased_for_a_new_address(api: Any, alice: User) -> None:
    post(api(alice), "", "gitlab", GITLAB)
    moved = {**GITLAB, "apiKey": "", "webhookSecret": None, "webhookUrl": "https://new.example.com/hook"}
    assert post(api(alice), "", "gitlab", moved).status_code == 200
    assert Integration.objects.get().secrets["webhookSecret"].startswith("whsec_")


def test_a_hook_secret_that_the_service_made_is_made_again_for_a_new_address(api: Any, alice: User) -> None:
    blank = {**GITLAB, "webhookSecret": ""}
    assert post(api(alice), "", "gitlab", blank).status_code == 200
    first = Integration.objects.get().secrets["webhookSecret"]
    assert post(api(alice), "", "gitlab", {**blank, "apiKey": ""}).status_code == 200
    assert Integration.objects.get().secrets["webhookSecret"] == first
    moved = {**blank, "apiKey": "", "webhookUrl": "https://new.example.com/hook"}
    assert post(api(alice), "/test", "gitlab", moved).json().get("details") is None
    assert post(api(alice), "", "gitlab", moved).status_code == 200
    second = Integration.objects.get().secrets["webhookSecret"]
    assert second.startswith("whsec_")
    assert second != first


def test_a_given_hook_secret_counts_as_given_after_one_was_made(api: Any, alice: User) -> None:
    post(api(alice), "", "gitlab", {**GITLAB, "webhookSecret": ""})
    post(api(alice), "", "gitlab", {**GITLAB, "apiKey": ""})
    moved = {**GITLAB, "apiKey": "", "webhookSecret": "", "webhookUrl": "https://new.example.com/hook"}
    assert post(api(alice), "", "gitlab", moved).status_code == 400


def test_the_webhook_can_be_removed_without_giving_its_secret_again(api: Any, alice: User) -> None:
    post(api(alice), "", "gitlab", GITLAB)
    assert (
        post(api(alice), "", "gitlab", {**GITLAB, "apiKey": "", "webhookSecret": "", "webhookUrl": ""}).status_code
        == 200
    )


def test_a_hook_secret_does_not_follow_a_new_webhook_address_at_google_drive(api: Any, alice: User) -> None:
    drive = Integration.objects.create(
        owner=alice,
        type="google_drive",
        config={"webhookUrl": HOOK},
        secrets={"webhookSecret": "the-hook-secret"},
        secret_names=["webhookSecret"],
    )
    moment = drive.created_at
    Grant.objects.create(
        integration=drive, client_id="c", tokens={"access": "a"}, connected_at=moment, refreshed_at=moment
    )
    answer = post(
        api(alice), "", "google_drive", {**DRIVE, "webhookSecret": "", "webhookUrl": "https://evil.example.com"}
    )
    assert answer.json()["details"] == {"webhookSecret": ["must be given again, because webhookUrl changed"]}
    assert post(api(alice), "", "google_drive", {"webhookUrl": HOOK, "webhookSecret": ""}).status_code == 200


def test_headers_do_not_follow_a_new_address(api: Any, alice: User) -> None:
    config = {"url": "https://mine.example.com/hook", "headers": {"Authorization": "Bearer token-here"}}
    post(api(alice), "", "webhook", config)
    moved = {"url": "https://evil.example.com/hook", "headers": {"Authorization": ""}}
    assert post(api(alice), "", "webhook", moved).json()["details"] == {
        "headers": ["must be given again, because url changed"]
    }


def test_a_new_key_is_not_sent_to_the_server_of_the_configuration_before(alice: User) -> None:
    """The integration moves to another server and is deleted before the job for the new one has run."""
    with FakeServer(gone) as earlier, FakeServer(gone) as later:
        Integration.objects.create(owner=alice, type="gitlab")
        state = {"repository": f"{earlier.url}/api/v4/projects/7", "hookId": "1"}
        ProviderJob.objects.create(
            kind=ProviderJob.Kind.DELETE,
            type="gitlab",
            integration_id=Integration.objects.get().pk,
            owner_id=alice.pk,
            payload={
                "config": {"project": "g/p", "baseUrl": later.url},
                "secrets": {"apiKey": "glpat-of-the-later-server"},
                "state": state,
            },
            due_at="2020-01-01T00:00:00Z",
        )
        assert run_provider_jobs() == 1
        assert earlier.requests == []
