from typing import Any

from django.urls import path

from .viewsets import HookViewSet, IntegrationHookViewSet

METHODS: dict[str, Any] = {"get": "retrieve", "post": "create"}

urlpatterns = [
    path("<str:integration_type>", HookViewSet.as_view(METHODS)),
    path("<str:integration_type>/<str:integration_id>", IntegrationHookViewSet.as_view(METHODS)),
]
