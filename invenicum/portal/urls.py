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
    send_again,
    sign_in_window,
    styles,
    support,
    verify,
)
from . import integration_actions as actions
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
    path(f"/{SERVICE}/pause", actions.pause, name="portal-pause"),
    path(f"/{SERVICE}/resume", actions.resume, name="portal-resume"),
    path(f"/{SERVICE}/ping", actions.ping, name="portal-ping"),
    path(f"/{SERVICE}/try-now", actions.try_now, name="portal-try-now"),
    path(f"/{SERVICE}/send-again", send_again.show, name="portal-send-again"),
    path(f"/{SERVICE}/secret", actions.secret, name="portal-secret"),
    path(f"/{SERVICE}/disconnect", actions.disconnect, name="portal-disconnect"),
    path("/replays/<str:replay_id>", send_again.progress, name="portal-replay"),
    path("/replays/<str:replay_id>/cancel", send_again.cancel, name="portal-replay-cancel"),
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
