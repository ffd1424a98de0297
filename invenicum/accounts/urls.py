from invenicum.api.routers import ApiRouter

from .viewsets import AccountViewSet

router = ApiRouter()
router.register("accounts", AccountViewSet, basename="account")
urlpatterns = router.urls
