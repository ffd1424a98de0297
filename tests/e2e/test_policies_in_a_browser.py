"""Pages work under their Content-Security-Policy: the fixture `context` fails a test whose pages violate it."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect

from invenicum.accounts.models import Application, User
from invenicum.events.publish import publish
from tests.browser import needs_browser
from tests.e2e.conftest import policy_violations
from tests.factories import connect_webhook
from webhooks.engine.worker import drain

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]


def test_every_page_of_the_admin(staff: Page, live_server: Any, alice: User) -> None:
    connect_webhook(alice)
    publish(alice, "asset.created", {"assetId": "asset-1"})
    drain()
    Application.objects.create(name="App", client_id="app", redirect_uris="https://app.example.com/in")
    opened, request = 0, RequestFactory().get("/")
    request.user = User.objects.get(username="staff")
    for model, site in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages = [reverse(f"{name}_changelist")]
        row = model._default_manager.first()
        if row:
            pages += [reverse(f"{name}_{kind}", args=[row.pk]) for kind in ("change", "history")]
        if site.has_add_permission(request):
            pages.append(reverse(f"{name}_add"))
        for page in pages:
            staff.goto(live_server.url + page)
            expect(staff.locator("#content")).to_be_visible()
            opened += 1
    assert opened > 20
    staff.goto(f"{live_server.url}/admin/password_change/")
    staff.goto(f"{live_server.url}/admin/no-such-page/")


def test_the_page_of_the_api_and_its_buttons(context: BrowserContext, live_server: Any) -> None:
    answer = {"status": 401, "body": '{"error": "NOT_AUTHENTICATED"}', "content_type": "application/json"}
    headers = {"Access-Control-Allow-Origin": live_server.url}
    context.route(f"{settings.PUBLIC_URL}/api/**", lambda route: route.fulfill(**answer, headers=headers))
    page = context.new_page()
    page.goto(f"{live_server.url}/docs")
    page.get_by_text("Start an OAuth flow", exact=True).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("integration_type").fill("slack")
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text("NOT_AUTHENTICATED")


def test_what_a_policy_forbids_is_noticed(chromium: Browser, live_server: Any) -> None:
    context = chromium.new_context()
    violations = policy_violations(context)
    page = context.new_page()
    page.goto(f"{live_server.url}/signin")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {textContent: 'alert(1)'}))")
    context.close()
    assert len(violations) == 1
