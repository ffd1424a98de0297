from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from invenicum.accounts.models import User
from invenicum.events.publish import publish
from tests.factories import connect_webhook
from webhooks.models import Delivery


@pytest.fixture
def failed(alice: User) -> Delivery:
    connect_webhook(alice, "https://example.com")
    publish(alice, "asset.created", {"assetId": "asset-1"})
    Delivery.objects.update(status="failed", due_at=None)
    return Delivery.objects.get()


@pytest.mark.parametrize(("permissions", "status"), [(["view"], "failed"), (["view", "change"], "pending")])
def test_staff_with_view_permission_only_cannot_retry(
    client: Client, bob: User, failed: Delivery, permissions: list[str], status: str
) -> None:
    bob.is_staff = True
    bob.save()
    names = [f"{permission}_delivery" for permission in permissions]
    bob.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(bob)
    chosen: dict[str, Any] = {"action": "retry", "post": "yes", "_selected_action": [str(failed.pk)]}
    page = client.post("/admin/webhooks/delivery/", chosen, follow=True)
    assert ">asset.created</a>" in page.content.decode()
    failed.refresh_from_db()
    assert failed.status == status
