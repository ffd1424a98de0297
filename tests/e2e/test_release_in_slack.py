"""A release at GitHub is announced in Slack: the hook is registered, called, verified, published and delivered."""

import json
from typing import Any

from integrations.models import Integration
from integrations.services import save_integration
from invenicum.accounts.models import User
from tests.fakes.github import TOKEN, FakeGitHub
from tests.fakes.slack import WEBHOOK, FakeSlack
from tests.inbound import send_github
from tests.jobs import run_provider_jobs
from webhooks.engine.worker import drain

RELEASE = {
    "action": "published",
    "release": {"tag_name": "v1.0", "name": "<!channel> One", "html_url": "https://github.com/my-org/asset-repo/v1"},
    "repository": {"full_name": "my-org/asset-repo"},
    "sender": {"login": "octocat"},
}


def test_a_release_at_github_is_announced_in_slack(alice: User, settings: Any) -> None:
    with FakeGitHub() as github, FakeSlack() as slack:
        settings.PROVIDER_ENDPOINTS = {"github": {"apiUrl": github.url}, "slack": {"apiUrl": slack.url}}
        hook = "https://integrations.example.com/webhooks/github"
        repository = {"organization": "my-org", "repository": "asset-repo", "webhookUrl": hook, "events": ["release"]}
        own = save_integration(alice, "github", {"apiKey": TOKEN, **repository}).integration
        save_integration(alice, "slack", {"webhookUrl": WEBHOOK, "channel": "#releases", "events": ["github.release"]})
        run_provider_jobs()
        (made,) = github.hooks.values()
        assert made["config"]["url"] == f"{hook}/{own.pk}"
        secret = made["config"]["secret"]  # generated for the user, stored by GitHub and by us
        for _ in range(2):
            assert send_github(RELEASE, f"github/{own.pk}", secret=secret, event="release").status_code == 202
        drain()
        (message,) = slack.posted
    assert message["text"] == ("GitHub release: octocat published release &lt;!channel&gt; One in my-org/asset-repo")
    shown = json.dumps(message["blocks"])
    assert "*GitHub release*" in shown
    assert "https://github.com/my-org/asset-repo/v1" in shown
    assert "<!channel>" not in shown
    assert "Delivery id" not in shown
    assert Integration.objects.get(type="github").last_sync is not None
