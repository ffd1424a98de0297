"""Every route: the API below `/api/v1` and at the root, the admin, and the description of the API."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

import integrations.urls
import invenicum.accounts.page_urls
import invenicum.accounts.urls
import invenicum.assets.urls
import invenicum.events.urls
import invenicum.portal.urls
import oauth_flows.urls
import webhooks.inbound.urls
import webhooks.urls
from invenicum.api import errors
from invenicum.api.docs_page import DocsView
from invenicum.api.openapi import SchemaView
from invenicum.portal.entry import start

api_urlpatterns = [
    *invenicum.accounts.urls.urlpatterns,
    *invenicum.assets.urls.urlpatterns,
    *invenicum.events.urls.urlpatterns,
    *oauth_flows.urls.urlpatterns,
    *integrations.urls.urlpatterns,
    *webhooks.urls.urlpatterns,
    *invenicum.portal.urls.api_urlpatterns,
]
urlpatterns = [
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(), name="docs"),
    path("", start, name="start"),
    path("api/v1/", include(api_urlpatterns)),
    path("", include(api_urlpatterns)),
    path("", include(invenicum.accounts.page_urls)),
    path("portal", include(invenicum.portal.urls)),
    path("webhooks/", include(webhooks.inbound.urls)),
    re_path("", csrf_exempt(errors.not_found)),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
