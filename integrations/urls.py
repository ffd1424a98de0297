from invenicum.api.routers import ApiRouter

from .viewsets import ConnectorViewSet, IntegrationViewSet

router = ApiRouter()
router.register("integrations", IntegrationViewSet, basename="integration")
router.register("connectors", ConnectorViewSet, basename="connector")
urlpatterns = router.urls
