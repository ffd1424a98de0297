"""The routes of the pages, below `/portal`, and of the API that opens them."""

from django.urls import path

from invenicum.api.routers import ApiRouter

from . import (
    account,
    asset,
    connect,
    deliveries,
    delivery,
    directory,
    entry,
    events,
    inbox,
    integration,
    preview,
    sign_in_window,
    styles,
    support,
    verify,
)
from .viewsets import PortalLinkViewSet

router = ApiRouter()
router.register("portal/links", PortalLinkViewSet, basename="portal-link")
api_urlpatterns = router.urls

SERVICE = "services/<str:integration_type>"
urlpatterns = [
    path("", directory.show, name="portal-services"),
    path("/open", entry.open_link, name="portal-open"),
    path("/leave", entry.leave, name="portal-leave"),
    path("/support/<int:pk>", support.open_view, name="portal-support"),
    path("/accent.css", styles.accent, name="portal-accent"),
    path("/account", account.show, name="portal-account"),
    path("/verify", verify.show, name="portal-verify"),
    path("/verify/inbox", inbox.show, name="portal-inbox"),
    path("/inbox/<str:key>", inbox.receive, name="portal-inbox-receive"),
    path(f"/{SERVICE}", integration.show, name="portal-integration"),
    path(f"/{SERVICE}/connect", connect.edit, name="portal-connect"),
    path(f"/{SERVICE}/preview", preview.show, name="portal-preview"),
    path(f"/{SERVICE}/sign-in", connect.sign_in, name="portal-sign-in"),
    path(f"/{SERVICE}/signed-in", connect.signed_in, name="portal-signed-in"),
    path("/window", sign_in_window.end, name="portal-window-end"),
    path(f"/{SERVICE}/window", sign_in_window.begin, name="portal-window"),
    path(f"/{SERVICE}/window/confirm", sign_in_window.confirm, name="portal-window-confirm"),
    path(f"/{SERVICE}/pause", integration.pause, name="portal-pause"),
    path(f"/{SERVICE}/resume", integration.resume, name="portal-resume"),
    path(f"/{SERVICE}/ping", integration.ping, name="portal-ping"),
    path(f"/{SERVICE}/secret", integration.secret, name="portal-secret"),
    path(f"/{SERVICE}/disconnect", integration.disconnect, name="portal-disconnect"),
    path("/deliveries", deliveries.show, name="portal-deliveries"),
    path("/deliveries/retry", deliveries.retry_all, name="portal-retry-all"),
    path("/deliveries/<str:delivery_id>", delivery.show, name="portal-delivery"),
    path("/deliveries/<str:delivery_id>/retry", delivery.retry, name="portal-retry"),
    path("/deliveries/<str:delivery_id>/curl", delivery.curl, name="portal-curl"),
    path("/events", events.show_all, name="portal-events"),
    path("/events/<str:event_id>", events.show, name="portal-event"),
    path("/events/<str:event_id>/send/<str:integration_type>", events.send, name="portal-send"),
    path("/assets/<path:asset_id>", asset.show, name="portal-asset"),
]
