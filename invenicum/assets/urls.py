from django.urls import path, register_converter
from django.urls.converters import StringConverter

from . import views


class AssetIdConverter(StringConverter):
    regex = "[A-Za-z0-9._-]{1,100}"


register_converter(AssetIdConverter, "asset_id")

urlpatterns = [
    path("assets", views.AssetListView.as_view()),
    path("assets/<asset_id:asset_id>", views.AssetView.as_view()),
]
