from django.urls import path

from . import views

urlpatterns = [
    path("integrations/<str:integration_type>/health", views.HealthView.as_view()),
    path("integrations/<str:integration_type>/ping", views.PingView.as_view()),
    path("integrations/<str:integration_type>/replay", views.ReplayView.as_view()),
    path("replays/<str:replay_id>", views.ReplayDetailView.as_view()),
    path("events/<str:event_id>", views.EventDetailView.as_view()),
    path("deliveries", views.DeliveryListView.as_view()),
    path("deliveries/<str:delivery_id>", views.DeliveryDetailView.as_view()),
    path("deliveries/<str:delivery_id>/retry", views.RetryView.as_view()),
]
