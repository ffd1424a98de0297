"""Connecting a service and editing an integration: the form from the connector's declaration, and signing in there."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from integrations import connection_tests, grants, lookups, registry, services, submissions
from integrations.core.connector import Connector
from integrations.core.errors import IntegrationError, InvalidConfig
from integrations.models import Integration
from invenicum.api.throttling import OutgoingThrottle, SaveThrottle
from invenicum.quotas import QuotaExceeded
from oauth_flows import pages as oauth_pages
from oauth_flows.authorizations import open_authorization
from oauth_flows.browser_session import bind
from oauth_flows.clients import client_for
from oauth_flows.errors import NotConfigured, OAuthError

from .directory import has_client, monogram
from .form_fields import BLANK_ROWS, FormField, Shown, form_fields, labels_of
from .form_values import read_form, typed_secrets, without_secrets
from .kept_secrets import seal, unseal
from .limits import seconds_to_wait
from .markdown import to_html
from .pages import SeeOther, message_page, portal_page, render
from .preview import ShownPreview, shown_preview
from .visitors import Visitor

SIGN_IN_SALT = "invenicum.portal.sign-in"
WRITE = "integrations:write"


@dataclass(slots=True)
class Form:
    """A connector's form of one visitor, and what is to be said about it.

    `values`: without secrets, by JSON name. `typed`: secrets that the visitor gave. `problem` is a sentence about all
    of it, `errors` those at the fields, `tested` the facts of a test that succeeded.
    """

    connector: Connector
    stored: Integration | None
    connected: bool
    values: Mapping[str, Any]
    typed: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    tested: Any = None
    shown: ShownPreview | None = None
    rows: int = BLANK_ROWS
    asked: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The fields that only OAuth fills in."""
        return self.connector.oauth.fills_only_connected if self.connector.oauth else ()

    def fields(self) -> list[FormField]:
        made = (self.connector.signing_secret,) if self.connector.signing_secret else ()
        shown = Shown(
            values=self.values,
            stored=self.stored.secret_names if self.stored else (),
            typed=self.typed,
            connected=self.connected,
            generated=made,
            rows=self.rows,
        )
        return form_fields(self.connector.Config, shown, self.errors, self.hidden)


@portal_page(post=WRITE)
def edit(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """The form of a service. POST with `do`: `save`, `pause` (save paused), `resume` (save active), `test`, `rows`,
    `preview` or `preview:<of what>`, and `asks`, which only shows what must be given again."""
    connector = registry.get(integration_type)
    stored = _stored(visitor, integration_type)
    connected = stored is not None and connector.oauth is not None and grants.current().is_connected(stored)
    if request.method != "POST":
        return _page(request, visitor, Form(connector, stored, connected, stored.shown_config() if stored else {}))
    kept = unseal(request.POST.get("kept", ""), _purpose(visitor, integration_type))
    values = read_form(connector.Config, request.POST, kept)
    if stored and connected and connector.oauth:
        values |= {name: stored.config[name] for name in connector.oauth.fills_only_connected if name in stored.config}
    typed = typed_secrets(connector.Config, values)
    form = Form(connector, stored, connected, without_secrets(connector.Config, values), typed)
    form.asked = submissions.secrets_to_give(connector, values, submissions.stored(visitor.user, integration_type))
    return _do(request, visitor, form, values)


def _do(request: HttpRequest, visitor: Visitor, form: Form, values: Mapping[str, Any]) -> HttpResponseBase:
    action, integration_type = request.POST.get("do", "save"), form.connector.type
    if action == "rows":
        form.rows = BLANK_ROWS + 3
        return _page(request, visitor, form)
    if action == "asks":
        return _page(request, visitor, form)
    if action.startswith("preview"):
        return _preview(request, visitor, form, values)
    if seconds := seconds_to_wait(OutgoingThrottle if action == "test" else SaveThrottle, visitor.user):
        form.problem = gettext(
            "That was too often. Try again in %(seconds)d seconds; nothing that you typed is lost."
        ) % {"seconds": seconds}
        return _page(request, visitor, form, 429)
    try:
        if action == "test":
            form.tested = connection_tests.test_connection(visitor.user, integration_type, values)
            return _page(request, visitor, form)
        is_active = {"pause": False, "resume": True}.get(action)
        services.save_integration(visitor.user, integration_type, values, is_active=is_active)
    except InvalidConfig as error:
        form.problem, form.errors = error.message, error.details
        return _page(request, visitor, form, 422)
    except (IntegrationError, QuotaExceeded) as error:
        form.problem = error.message
        return _page(request, visitor, form, 422)
    done = "saved_paused" if action == "pause" else "saved"
    return SeeOther(f"{reverse('portal-integration', args=[integration_type])}?done={done}")


def _preview(request: HttpRequest, visitor: Visitor, form: Form, values: Mapping[str, Any]) -> HttpResponseBase:
    wanted = request.POST.get("do", "").partition(":")[2]
    try:
        form.shown = shown_preview(visitor, form.connector.type, wanted, values)
    except InvalidConfig as error:
        form.problem, form.errors = error.message, error.details
        return _page(request, visitor, form, 422)
    return _page(request, visitor, form)


def _page(request: HttpRequest, visitor: Visitor, form: Form, status: int = 200) -> HttpResponseBase:
    connector, fields = form.connector, form.fields()
    can_sign_in, labels = has_client(connector), labels_of(connector.Config)
    context = {
        "title": (gettext("Edit %(name)s") if form.stored else gettext("Connect %(name)s")) % {"name": connector.name},
        "connector": connector,
        "monogram": monogram(connector),
        "integration": form.stored,
        "main": [one for one in fields if one.is_main],
        "more": [one for one in fields if not one.is_main],
        "form": form,
        "summary": [(f"f-{one.alias}", one.label, text) for one in fields for text in one.errors],
        "asked": [(f"f-{alias}", labels[alias], [labels[one] for one in away]) for alias, away in form.asked.items()],
        "kept": seal(form.typed, _purpose(visitor, connector.type)),
        "setup": mark_safe(to_html(connector.setup, labels, gettext)),  # noqa: S308 - the text is a connector's, and escaped
        "can_sign_in": can_sign_in and visitor.may_change and not visitor.embed,
        "sign_in_elsewhere": can_sign_in and visitor.embed,
        "sign_in_token": sign_in_token(visitor, connector.type),
        "only_sign_in": bool(connector.oauth and connector.oauth.required and not form.connected),
        "not_set_up": _not_set_up(connector) if connector.oauth and not can_sign_in else "",
    }
    return render(request, visitor, "connect", context, status)


@portal_page(get=WRITE)
def sign_in(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """Sends the browser to the service, to sign in there. A link of this visitor's pages, so that no other site can."""
    token = request.GET.get("t", "")
    if not hmac.compare_digest(token.encode(), sign_in_token(visitor, integration_type).encode()):
        return SeeOther(reverse("portal-connect", args=[integration_type]))
    try:
        client = client_for(integration_type)
        back = settings.PUBLIC_URL + reverse("portal-signed-in", args=[integration_type])
        mark = bind(request.session, visitor.user, visitor.access.origin)
        begun = open_authorization(client, visitor.user, mark, back, visitor.access.origin)
    except (NotConfigured, OAuthError) as error:
        return message_page(request, visitor, gettext("Signing in is not possible"), error.message, 400)
    return oauth_pages.redirect(begun.authorization_url)


@portal_page()
def signed_in(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """The browser is back from the service: on to the integration, or to the form if something is missing."""
    stored = _stored(visitor, registry.get(integration_type).type)
    if stored is None or request.GET.get("status") != "connected":
        return SeeOther(reverse("portal-connect", args=[integration_type]))
    return SeeOther(connected_address(stored))


def connected_address(integration: Integration) -> str:
    """The page after signing in at the service: the integration's, or its form if something is missing."""
    page = "portal-connect" if services.missing(integration) else "portal-integration"
    return f"{reverse(page, args=[integration.type])}?done=connected"


def sign_in_token(visitor: Visitor, integration_type: str) -> str:
    """What the link to `sign_in` carries, so that only a page of this visitor can lead there."""
    return salted_hmac(SIGN_IN_SALT, f"{visitor.form_token}:{integration_type}", algorithm="sha256").hexdigest()


def _stored(visitor: Visitor, integration_type: str) -> Integration | None:
    try:
        return lookups.find(visitor.user, integration_type)
    except lookups.IntegrationNotFound:
        return None


def _not_set_up(connector: Connector) -> str:
    try:
        client_for(connector.type)
    except NotConfigured as error:
        return error.message
    return ""


def _purpose(visitor: Visitor, integration_type: str) -> str:
    return f"{visitor.form_token}:{integration_type}"
