"""A wrong target of each type, with the provider's own answer: nothing is lost, and state, reason and mail say why.

After the repair everything arrives, and of one asset in the order in which it happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from integrations import registry, services
from integrations.models import Integration
from invenicum.accounts.models import User
from invenicum.events.publish import Draft, publish_many
from tests.api_client import Api
from tests.factories import connect_drive
from tests.fakes import bitbucket, discord, dropbox, github, gitlab, google_drive, mixpanel, slack, teams
from tests.fakes.http_server import Answer, FakeServer, json_answer
from tests.integrations.connectors.examples import EXAMPLES
from webhooks.engine.worker import drain
from webhooks.failure_alerts import watch
from webhooks.models import Delivery, Lane


@dataclass(frozen=True)
class Wrong:
    """What a service answers to every request while its target is wrong, and the fake that it is once repaired."""

    type: str
    fake: Callable[[], FakeServer]
    answer: Answer
    config: dict[str, Any]


def error(status: int, message: str) -> Answer:
    return json_answer(status, {"message": message})


NO_KEY: Answer = (404, {}, b"<Error><Code>NoSuchKey</Code></Error>")
# Google Analytics has no case: it returns no error codes, whatever the stream and the secret are; only the connection
# test of an account can tell. https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events
CASES = [
    # https://developers.google.com/workspace/drive/api/guides/handle-errors#404-errors
    Wrong(
        "google_drive",
        google_drive.FakeGoogleDrive,
        json_answer(
            404,
            {
                "error": {
                    "errors": [{"domain": "global", "reason": "notFound", "message": "File not found: folder-000001."}],
                    "code": 404,
                    "message": "File not found: folder-000001.",
                }
            },
        ),
        {},
    ),
    # https://docs.github.com/en/rest/repos/contents#create-or-update-file-contents
    Wrong("github", github.FakeGitHub, error(404, "Branch main not found"), {"apiKey": github.TOKEN}),
    # https://docs.gitlab.com/api/projects/#get-a-single-project
    Wrong("gitlab", gitlab.FakeGitLab, error(404, "404 Project Not Found"), {"apiKey": gitlab.TOKEN}),
    # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/
    Wrong(
        "bitbucket",
        bitbucket.FakeBitbucket,
        json_answer(404, {"type": "error", "error": {"message": "You may not have access to this repository"}}),
        {"apiKey": bitbucket.TOKEN, "email": ""},
    ),
    # https://www.dropbox.com/developers/documentation/http/documentation#error-handling
    Wrong(
        "dropbox",
        dropbox.FakeDropbox,
        json_answer(
            401,
            {
                "error_summary": "missing_scope/.",
                "error": {".tag": "missing_scope", "required_scope": "files.content.write"},
            },
        ),
        {"accessToken": dropbox.TOKEN},
    ),
    # https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling-errors
    Wrong("slack", slack.FakeSlack, (404, {}, b"channel_not_found"), {"botToken": None}),
    # https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
    Wrong(
        "discord",
        discord.FakeDiscord,
        json_answer(404, {"message": "Unknown Webhook", "code": 10015}),
        {"webhookUrl": discord.WEBHOOK, "threadId": None},
    ),
    # https://learn.microsoft.com/en-us/azure/logic-apps/logic-apps-http-endpoint
    Wrong("teams", teams.FakeTeams, json_answer(400, {"error": {"code": "WorkflowTriggerIsNotEnabled"}}), {}),
    # https://developer.mixpanel.com/reference/import-events
    Wrong(
        "mixpanel",
        mixpanel.FakeMixpanel,
        json_answer(401, {"code": 401, "error": "Invalid credentials", "status": "Unauthorized"}),
        {},
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
    Wrong(
        "s3",
        lambda: FakeServer(lambda request: NO_KEY if request.method == "GET" else (200, {"ETag": '"1"'}, b"")),
        (404, {}, b"<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>"),
        {"sessionToken": None},
    ),
    # https://www.rfc-editor.org/rfc/rfc9110#name-403-forbidden
    Wrong("webhook", lambda: FakeServer(lambda request: (204, {}, b"")), (403, {}, b""), {}),
]


def connect(owner: User, case: Wrong, fake: FakeServer) -> None:
    if isinstance(fake, google_drive.FakeGoogleDrive):
        fake.has_full_scope = True
        fake.add("folder-000001", "Inventory")
        connect_drive(owner, folderId="folder-000001", ordered=True)
        return
    config = {
        name: value
        for name, value in (EXAMPLES[case.type] | case.config).items()
        if not name.startswith("webhookS") and not (name == "webhookUrl" and "branch" in EXAMPLES[case.type])
    }
    if address := {"webhook": "url", "s3": "endpointUrl"}.get(case.type):
        config[address] = fake.url
    given = {name: value for name, value in config.items() if value}
    services.save_integration(owner, case.type, given | {"ordered": True})


def test_every_type_has_a_case_but_one() -> None:
    assert {case.type for case in CASES} == {connector.type for connector in registry.CONNECTORS} - {"google_analytics"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_a_wrong_target_loses_nothing_and_is_told(
    case: Wrong, alice: User, api: Api, settings: Any, mailoutbox: list[EmailMessage]
) -> None:
    with case.fake() as fake:
        settings.PROVIDER_ENDPOINTS = {case.type: {"apiUrl": fake.url, "contentUrl": fake.url}}
        settings.OAUTH_CLIENTS = {"google_drive": ("client", "secret")}
        connect(alice, case, fake)
        repaired, fake.handler = fake.handler, lambda request: case.answer
        publish_many([Draft(alice, "asset.created", {"assetId": f"asset-{n}", "name": f"Asset {n}"}) for n in range(5)])
        change = {"assetId": "asset-0", "changes": {"name": {"old": "Asset 0", "new": "Renamed"}}}
        publish_many([Draft(alice, "asset.updated", change)])
        for _ in range(3):  # several that are sent together fail as one
            Delivery.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
            drain()
        assert set(Delivery.objects.values_list("status", flat=True)) == {Delivery.Status.PENDING}
        integration = Integration.objects.get()
        assert integration.failing_since is not None
        is_held = Lane.objects.get().held_until is not None and integration.problem_fault == Integration.Fault.TARGET
        assert is_held or integration.status == Integration.Status.DISABLED
        reason = api(alice).get(f"/integrations/{case.type}").json()["data"]["statusReason"]
        watch()
        [mail] = mailoutbox
        assert (reason.partition("corrected: ")[2] or reason) in mail.body

        fake.handler = repaired
        assert api(alice).patch(f"/integrations/{case.type}", {"isActive": True}).status_code == 200
        drain()
    assert set(Delivery.objects.values_list("status", flat=True)) == {Delivery.Status.DELIVERED}
    assert Integration.objects.get().failing_since is None
    first, second = Delivery.objects.filter(order_key="asset-0").order_by("sequence")
    tried_again = second.attempts.earliest("started_at").started_at
    assert tried_again > first.attempts.latest("started_at").started_at, "it waited for the event before"
