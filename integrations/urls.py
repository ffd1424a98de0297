from django.urls import path

from . import views

urlpatterns = [
    path("integrations/status", views.StatusView.as_view()),
    path("integrations/test", views.TestView.as_view()),
    path("integrations", views.IntegrationListView.as_view()),
    path("integrations/<str:integration_type>", views.IntegrationDetailView.as_view()),
    path("integrations/<str:integration_type>/secret", views.SigningSecretView.as_view()),
    path("integrations/<str:integration_type>/secret/rotate", views.RotateSigningSecretView.as_view()),
    path("connectors", views.ConnectorListView.as_view()),
    path("connectors/<str:integration_type>", views.ConnectorDetailView.as_view()),
]
