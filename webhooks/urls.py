from invenicum.api.routers import ApiRouter

from .viewsets import DeliveryViewSet, EventDetailViewSet, IntegrationDeliveriesViewSet, ReplayViewSet

router = ApiRouter()
router.register("integrations", IntegrationDeliveriesViewSet, basename="integration-deliveries")
router.register("replays", ReplayViewSet, basename="replay")
router.register("events", EventDetailViewSet, basename="event-detail")
router.register("deliveries", DeliveryViewSet, basename="delivery")
urlpatterns = router.urls
