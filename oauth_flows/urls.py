"""To be matched before `integrations/<type>`."""

from invenicum.api.routers import ApiRouter

from .viewsets import AuthorizationViewSet

router = ApiRouter()
router.register("integrations/oauth", AuthorizationViewSet, basename="authorization")
urlpatterns = router.urls
