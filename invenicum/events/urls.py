from django.urls import path

from .views import PublishView

urlpatterns = [path("events", PublishView.as_view())]
