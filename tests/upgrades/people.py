"""Rows that have no API, made in the instance's own process; each prints what the record keeps as JSON."""

from __future__ import annotations

PEOPLE = ("alice", "bob", "charlie", "dora", "erin", "frank", "grace", "heidi")

# Tokens of the people, one with few scopes, an application of each kind, staff with and without a second factor.
MAKE_PEOPLE = f"""
import json, secrets
from datetime import timedelta
from django.test import Client
from invenicum.accounts.models import Application, User
from invenicum.accounts.scopes import USER_SCOPES
from invenicum.accounts.tokens import issue_token
from invenicum.staff import second_factor
from invenicum.staff.models import Authenticator
from oauth_flows.models import ProviderApp
LONG = timedelta(days=36500)
kept = {{"tokens": {{}}, "cookies": {{}}}}
for name in {PEOPLE!r}:
    user = User.objects.create_user(name, f"{{name}}@example.com", "a-password-for-tests")
    kept["tokens"][name] = issue_token(user, USER_SCOPES, LONG)
alice = User.objects.get(username="alice")
kept["tokens"]["alice who reads only"] = issue_token(alice, ["assets:read"], LONG)
service = User.objects.create_user("inventory-service")
for kind, more in (
    ("service", {{"user": service, "allowed_scopes": "events:write events:publish-any accounts:write"}}),
    ("web", {{"redirect_uris": "https://app.example.com/back"}}),
    ("public", {{"redirect_uris": "invenicum://back"}}),
):
    Application.objects.create(
        name=kind, kind=Application.Kind(kind), client_id=f"{{kind}}-client", client_secret="a-client-secret", **more
    )
ProviderApp.objects.create(type="gitlab", client_id="gitlab-id", client_secret="gitlab-secret")
operator = User.objects.create_superuser("operator", "operator@example.com", "a-password-for-tests")
guard = User.objects.create_user("guard", "guard@example.com", "a-password-for-tests", is_staff=True)
Authenticator.objects.create(user=guard, name="app", key=secrets.token_hex(20), confirmed=True)
kept["recovery codes"] = second_factor.renew_codes(guard)
for name in ("operator", "alice"):
    browser = Client(REMOTE_ADDR="192.0.2.7", HTTP_USER_AGENT="Firefox")
    browser.force_login(User.objects.get(username=name))
    kept["cookies"][name] = {{key: morsel.value for key, morsel in browser.cookies.items()}}
Client().post("/signin", {{"username": "bob", "password": "wrong"}})
print(json.dumps(kept))
"""
# The id of a file at a provider, an inbox with a request, a refresh token, and a sample with its alerts.
MAKE_MORE = """
from datetime import timedelta
from django.utils import timezone
from oauth2_provider.models import AccessToken, RefreshToken
from integrations.models import Integration, RemoteId
from invenicum.accounts.models import Application, User
from invenicum.operations import alerts, samples
from invenicum.portal import inboxes
alice = User.objects.get(username="alice")
drive = Integration.objects.get(type="google_drive", owner=alice)
RemoteId.objects.create(integration=drive, key="a-digest", value="a-file")
inboxes.send_sample(inboxes.open_inbox(alice))
web = Application.objects.get(name="web")
late = timezone.now() + timedelta(days=36500)
given = {"user": alice, "application": web}
access = AccessToken.objects.create(token="an-access-token", expires=late, scope="assets:read", **given)
RefreshToken.objects.create(token="a-refresh-token", access_token=access, **given)
later = timezone.now() + timedelta(minutes=1)
alerts.evaluate(later, samples.take_due(later))
"""
HOLD = """
from invenicum.accounts.models import User
from webhooks import holds
holds.hold("mixpanel", User.objects.get(username="operator"))
"""
