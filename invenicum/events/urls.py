from invenicum.api.routers import ApiRouter

from .viewsets import EventViewSet

router = ApiRouter()
router.register("events", EventViewSet, basename="event")
urlpatterns = router.urls
