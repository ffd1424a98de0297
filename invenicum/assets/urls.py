from django.urls import register_converter
from django.urls.converters import StringConverter

from invenicum.api.routers import ApiRouter

from .viewsets import AssetViewSet


class AssetIdConverter(StringConverter):
    regex = "[A-Za-z0-9._-]{1,100}"


register_converter(AssetIdConverter, "asset_id")

router = ApiRouter()
router.register("assets", AssetViewSet, basename="asset")
urlpatterns = router.urls
