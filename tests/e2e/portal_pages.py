"""The portal's pages, for the tests that look at all of them and for the screenshots of the documentation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from integrations.models import Integration
from integrations.services import save_integration, set_active
from invenicum.accounts.models import User
from invenicum.assets.services import change_asset, create_asset
from invenicum.ids import uuid7
from invenicum.portal import inboxes
from webhooks.models import Delivery, HourlySum, Replay

SLACK = {"webhookUrl": "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24, "channel": "#asset-updates"}
S3 = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "a-key-that-no-page-shows",
    "region": "eu-west-1",
    "bucket": "my-asset-bucket",
}


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page. `path` has the names of what `furnish` returns in braces. `is_shown`: docs/portal.md has a screenshot."""

    name: str
    path: str
    is_shown: bool = False


PAGES = (
    PortalPage("services", "/portal", is_shown=True),
    PortalPage("found-nothing", "/portal?q=fax"),
    PortalPage("integration", "/portal/services/webhook", is_shown=True),
    PortalPage("needs-you", "/portal/services/slack"),
    PortalPage("retrying", "/portal/services/s3"),
    PortalPage("paused", "/portal/services/mixpanel"),
    PortalPage("edit", "/portal/services/webhook/connect"),
    PortalPage("connect", "/portal/services/github/connect", is_shown=True),
    PortalPage("disconnect", "/portal/services/webhook/disconnect"),
    PortalPage("preview", "/portal/services/slack/preview?of=last"),
    PortalPage("preview-of-documents", "/portal/services/s3/preview"),
    PortalPage("verify", "/portal/verify"),
    PortalPage("inbox", "/portal/verify/inbox"),
    PortalPage("account", "/portal/account"),
    PortalPage("send-again", "/portal/services/webhook/send-again?count=1&what=again&status=failed"),
    PortalPage("replay", "/portal/replays/{replay}"),
    PortalPage("missing", "/portal/services/fax"),
    PortalPage("deliveries", "/portal/deliveries", is_shown=True),
    PortalPage("no-deliveries", "/portal/deliveries?state=cancelled&type=github&since=yesterday"),
    PortalPage("delivery", "/portal/deliveries/{delivery}", is_shown=True),
    PortalPage("retry-all", "/portal/deliveries/retry?state=failed"),
    PortalPage("events", "/portal/events"),
    PortalPage("event", "/portal/events/{event}", is_shown=True),
    PortalPage("asset", "/portal/assets/leica-m3"),
)


def furnish(owner: User) -> dict[str, str]:
    """Gives `owner` integrations in different states, with deliveries. Returns what the paths of pages need."""
    long_ago = timezone.now() - timedelta(hours=3)
    webhook = save_integration(owner, "webhook", {"url": "https://shop.example.com/hooks", "headers": {"X-Team": "it"}})
    save_integration(owner, "s3", S3)
    save_integration(owner, "slack", SLACK)
    save_integration(owner, "mixpanel", {"projectToken": "0123456789abcdef0123456789abcdef"})
    set_active(owner, "mixpanel", False)
    for name in ("Product Photo.jpg", "Leica M3", "Field Notes 1998", "Hero Image.png"):
        asset_id = name.lower().replace(" ", "-")
        create_asset(owner, {"name": name, "asset_id": asset_id, "category": "Images", "tags": ["draft"]})
    inboxes.send_sample(inboxes.open_inbox(owner))
    mine = Integration.objects.filter(owner=owner)
    mine.update(last_sync=long_ago)
    mine.filter(type="slack").update(
        problem="The channel #asset-updates is gone: choose another channel.",
        problem_fault="target",
        failing_since=long_ago,
    )
    mine.filter(type="s3").update(
        problem="The bucket answered 503.", problem_fault="service", failing_since=timezone.now() - timedelta(minutes=9)
    )
    deliveries = list(Delivery.objects.filter(integration=webhook.integration))
    states = (("delivered", 1, ""), ("pending", 2, "HTTP 503"), ("failed", 10, "HTTP 400"), ("pending", 0, ""))
    for delivery, (status, tries, error) in zip(deliveries, states, strict=True):
        Delivery.objects.filter(pk=delivery.pk).update(status=status, attempt_count=tries, error=error)
    retried = deliveries[1]
    retried.attempts.create(
        started_at=timezone.now() - timedelta(minutes=9),
        duration_ms=210,
        status_code=503,
        error_class="http",
        error="The endpoint answered HTTP 503.",
        response_excerpt="upstream unavailable",
    )
    change_asset(owner, "leica-m3", {"name": "Leica M3 (1954)", "tags": ["sold"]})
    for integration in mine:
        fill_hours(integration)
    replay = Replay(owner=owner, integration=webhook.integration, since=long_ago, until=long_ago, last_id=uuid7())
    replay.total, replay.finished_at = len(deliveries), timezone.now()
    replay.queued = replay.total
    replay.save(force_insert=True)
    Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries]).update(replay=replay)
    return {"delivery": retried.public_id, "event": retried.event.public_id, "replay": replay.public_id}


def fill_hours(integration: Integration) -> None:
    """Gives the last 24 hours of an integration figures; in the last ones tries failed if it has a problem."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    HourlySum.objects.bulk_create(
        HourlySum(
            integration=integration,
            hour=hour - timedelta(hours=ago),
            failed=(3 - ago) * 9 if integration.problem and ago < 3 else 0,
            within_50_ms=7 + ago * 31 % 40,
            within_200_ms=ago * 17 % 9,
            within_1000_ms=ago * 5 % 3,
        )
        for ago in range(24)
    )
