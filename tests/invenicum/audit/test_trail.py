"""What is in the audit trail: who, what, on what, from where; names of fields, and no value of any."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken

from integrations.models import Integration
from invenicum.accounts.models import Application, User
from invenicum.accounts.services import remove
from invenicum.admin import ReadOnly
from invenicum.audit.admin_changes import Audited
from invenicum.audit.models import AuditEntry
from invenicum.audit.services import Action, forget_old, record
from tests.api_client import Api
from tests.invenicum.accounts.oauth_client import SECRET as SECRET_OF_APPLICATION
from tests.invenicum.accounts.oauth_client import basic, register, service_token

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/auditentry/"
HERE = "203.0.113.1"
WEBHOOK = {"url": "https://shop.example.com/hooks", "secret": "whsec_" + "c2VjcmV0LXRoYXQtaXMtMzItYnl0ZXMtbG9uZyEh"}


def last(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("id")


def test_signing_in_and_failing_to_are_recorded_with_the_address(alice: User) -> None:
    alice.set_password("right")
    alice.save()
    browser = Client(REMOTE_ADDR=HERE, headers={"X-Request-Id": "req-7"})
    browser.post("/signin", {"username": "alice", "password": "wrong"})
    failed = last("sign_in_failed")
    assert (failed.owner, failed.actor, failed.address, failed.request_id) == (alice, None, HERE, "req-7")
    assert failed.target == f"user:{alice.public_id}"
    browser.post("/signin", {"username": "alice", "password": "right"})
    entry = last("signed_in")
    assert (entry.owner, entry.actor, entry.actor_name, entry.address) == (alice, alice, "alice", HERE)


def test_a_name_that_no_user_has_is_not_recorded_as_it_may_be_a_password(db: None) -> None:
    Client().post("/signin", {"username": "hunter2", "password": ""})
    Client().post("/signin", {"username": "hunter2", "password": "x"})
    entry = last("sign_in_failed")
    assert (entry.target, entry.owner, entry.detail) == ("", None, "There is no such user.")
    assert "hunter2" not in str(AuditEntry.objects.values_list())


def test_a_wrong_secret_of_an_application_is_recorded(alice: User) -> None:
    service = register(Application.Kind.SERVICE, user=alice)
    Client().post("/oauth/token", {"grant_type": "client_credentials"}, headers=basic(service, "wrong"))
    assert last("sign_in_failed").target == f"application:{service.pk}"


def test_endpoints_of_programs_read_no_session(alice: User) -> None:
    service = register(Application.Kind.SERVICE, user=alice)
    for secret in ("wrong", SECRET_OF_APPLICATION):
        asked = Client().post("/oauth/token", {"grant_type": "client_credentials"}, headers=basic(service, secret))
        assert "Cookie" not in asked.get("Vary", "")


def test_a_lock_is_recorded_once(alice: User, settings: Any) -> None:
    settings.SIGN_IN_FAILURES = 2
    for _ in range(4):
        Client().post("/signin", {"username": "alice", "password": "wrong"})
    assert AuditEntry.objects.filter(action="sign_in_failed").count() == 2
    assert AuditEntry.objects.get(action="sign_in_locked").owner == alice


def test_tokens_are_recorded_when_they_are_made_and_revoked(alice: User, admin_client: Client, capsys: Any) -> None:
    call_command("issue_token", "alice", "--scope", "assets:read")
    token = capsys.readouterr().out.split()[-1]
    row = AccessToken.objects.get()
    made = last("token_made")
    assert (made.owner, made.actor, made.target) == (alice, None, f"accesstoken:{row.pk}")
    assert "assets:read" in made.detail
    assert token not in str(AuditEntry.objects.values_list())
    admin_client.post(
        "/admin/oauth2_provider/accesstoken/", {"action": "revoke", "post": "yes", "_selected_action": [row.pk]}
    )
    revoked = last("token_revoked")
    assert (revoked.owner, revoked.actor_name, revoked.target) == (alice, "admin", made.target)


def test_a_token_that_an_application_gets_and_revokes_is_recorded_with_its_name(alice: User) -> None:
    service = register(Application.Kind.SERVICE, user=alice)
    token = service_token(service)["access_token"]
    assert "Label Printer" in last("token_made").detail
    Client().post("/oauth/revoke", {"token": token}, headers=basic(service))
    assert "Label Printer" in last("token_revoked").detail


def test_a_saved_integration_is_recorded_with_names_and_without_values(alice: User, api: Api) -> None:
    client = api(alice)
    client.post("/integrations", {"type": "webhook", "config": WEBHOOK})
    saved, integration = last("integration_saved"), Integration.objects.get()
    assert (saved.owner, saved.actor, saved.type) == (alice, alice, "webhook")
    assert saved.target == f"integration:{integration.pk}"
    assert "secret" in saved.detail
    assert "url" in saved.detail
    changed = {**WEBHOOK, "url": "https://other.example.com/hooks"}
    client.post("/integrations", {"type": "webhook", "config": changed})
    assert last("integration_saved").detail == "Changed: url."
    text = str(AuditEntry.objects.values_list())
    assert "example.com/hooks" not in text
    assert WEBHOOK["secret"] not in text


def test_pausing_resuming_secrets_and_deleting_are_recorded(alice: User, api: Api) -> None:
    client = api(alice)
    client.post("/integrations", {"type": "webhook", "config": WEBHOOK})
    client.patch("/integrations/webhook", {"isActive": False})
    client.patch("/integrations/webhook", {"isActive": False})
    client.patch("/integrations/webhook", {"isActive": True})
    client.get("/integrations/webhook/secret")
    client.post("/integrations/webhook/secret/rotate")
    client.delete("/integrations/webhook")
    found = list(AuditEntry.objects.filter(type="webhook").order_by("id").values_list("action", flat=True))
    expected = ["saved", "paused", "resumed", "deleted"]
    assert [name.removeprefix("integration_") for name in found if name.startswith("integration")] == expected
    assert [name for name in found if name.startswith("secret")] == ["secret_shown", "secret_rotated"]


def test_publishing_events_and_changing_assets_is_not_recorded(alice: User, api: Api) -> None:
    client = api(alice)
    before = AuditEntry.objects.count()
    assert client.post("/assets", {"name": "Laptop"}).status_code == 201
    assert AuditEntry.objects.count() == before


def test_what_staff_change_on_forms_is_recorded_by_field_and_not_in_djangos_log(alice: User, client: Client) -> None:
    staff = User.objects.create_superuser("staff")
    client.force_login(staff)
    address = f"/admin/accounts/user/{alice.pk}/change/"
    form = client.get(address).context["adminform"].form
    values = {name: "" if value is None else value for name, value in form.initial.items()}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "10:00:00"}
    answer = client.post(
        address, {**values, **joined, "groups": [], "user_permissions": [], "email": "new@example.com"}
    )
    assert answer.status_code == 302, answer.context["errors"]
    entry = last("changed")
    assert (entry.owner, entry.actor, entry.target) == (alice, staff, f"user:{alice.public_id}")
    assert "Email" in entry.detail
    assert "new@example.com" not in entry.detail
    assert not LogEntry.objects.exists()
    history = client.get(f"/admin/accounts/user/{alice.pk}/history/", follow=True).content.decode()
    assert "changed in the admin" in history


def test_each_form_of_the_admin_is_audited() -> None:
    pages = admin.site._registry.values()
    assert [page for page in pages if not isinstance(page, Audited | ReadOnly)] == []


def test_the_trail_outlives_the_accounts_it_is_about(alice: User) -> None:
    staff = User.objects.create_superuser("staff")
    record(Action.STAFF_ACTION, owner=alice, actor=staff, detail="Closed a circuit.")
    name = alice.public_id
    remove(alice)
    remove(staff)
    entry = last("staff_action")
    assert (entry.owner, entry.actor, entry.actor_name) == (None, None, "staff")
    assert AuditEntry.objects.filter(action="account_removed", target=f"user:{name}").exists()


def test_old_entries_are_deleted(alice: User, settings: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    record(Action.STAFF_ACTION)
    kept = record(Action.STAFF_ACTION)
    AuditEntry.objects.exclude(pk=kept.pk).update(at=timezone.now() - timedelta(days=31))
    forget_old()
    assert AuditEntry.objects.get() == kept


@pytest.mark.parametrize(
    "term",
    [
        lambda user: "alice",
        lambda user: "Alice@Example.com",
        lambda user: user.public_id,
        lambda user: HERE,
        lambda user: "req-8",
        lambda user: "integration:1",
    ],
)
def test_staff_find_entries_by_user_address_request_and_target(
    alice: User, bob: User, admin_client: Client, term: Callable[[User], str]
) -> None:
    found = record(Action.STAFF_ACTION, owner=alice, target="integration:1", detail="This one.")
    AuditEntry.objects.filter(pk=found.pk).update(address=HERE, request_id="req-8")
    record(Action.STAFF_ACTION, owner=bob, target="integration:2", detail="Another.")
    page = admin_client.get(LIST, {"q": term(alice)}).content.decode()
    assert "This one." in page
    assert "Another." not in page


def test_only_staff_with_the_permission_read_the_trail_and_none_edit_it(
    charlie: User, client: Client, admin_client: Client
) -> None:
    entry = record(Action.STAFF_ACTION, detail="Closed a circuit.")
    change = f"{LIST}{entry.pk}/change/"
    for post in (change, f"{LIST}{entry.pk}/delete/", f"{LIST}add/"):
        assert admin_client.post(post, {"detail": "x"}).status_code == 403
    client.force_login(charlie)
    assert client.get(LIST).status_code == 302
    User.objects.filter(pk=charlie.pk).update(is_staff=True)
    assert client.get(LIST).status_code == 403
    charlie.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    assert "Closed a circuit." in client.get(change).content.decode()


def test_exports_and_replays_are_recorded_with_their_integration(alice: User, api: Api) -> None:
    client = api(alice)
    client.post("/integrations", {"type": "webhook", "config": WEBHOOK})
    assert client.post("/integrations/webhook/backfill", {"what": "existing"}).status_code == 202
    exported = last("exported")
    assert (exported.owner, exported.actor, exported.type) == (alice, alice, "webhook")
    assert exported.target.startswith("replay:rpl_")
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    replay = client.post("/integrations/webhook/replay", {"since": since, "status": ["failed"]}).json()["data"]["id"]
    assert last("replay_started").target == f"replay:{replay}"
