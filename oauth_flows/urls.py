"""To be matched before `integrations/<type>`."""

from django.urls import path

from . import views

urlpatterns = [
    path("integrations/oauth/authorize/<str:integration_type>", views.AuthorizeView.as_view()),
    path("integrations/oauth/callback/<str:integration_type>", views.CallbackView.as_view()),
]
