"""A service's refusal in the API's answer, on routes of any app."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, TimedOut
from integrations.viewsets import IntegrationApiViewSet
from invenicum.accounts.models import User
from invenicum.api.routers import ApiRouter
from invenicum.api.serializers import ChoiceField, StrictSerializer

REFUSALS: dict[str, IntegrationError] = {
    "failed": ConnectionFailed("The service answered 500."),
    "late": TimedOut("No answer in time."),
    "forbidden": AuthFailed("The service refused the key."),
    "wrong": InvalidConfig("There is no such channel.", {"channel": ["is unknown"]}),
}


class RefusalSerializer(StrictSerializer):
    how = ChoiceField(tuple(REFUSALS))


class RefusedViewSet(IntegrationApiViewSet):
    """Like another app's route below an integration. The body says which error the service raises."""

    @action(detail=True, methods=["post"])
    def refused(self, request: Request, integration_type: str) -> Response:
        raise REFUSALS[self.read(request.data, RefusalSerializer)["how"]]


router = ApiRouter()
router.register("integrations", RefusedViewSet, basename="refused")
urlpatterns = router.urls


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("failed", "SLACK_CONNECTION_FAILED"),
        ("late", "CONNECTION_TIMEOUT"),
        ("forbidden", "INTEGRATION_AUTH_FAILED"),
        ("wrong", "INVALID_CONFIG"),
    ],
)
def test_a_refusal_has_its_code_on_another_apps_route_whose_body_is_no_configuration(
    api: Callable[..., Any], alice: User, how: str, code: str
) -> None:
    response = api(alice).post("/integrations/slack/refused", {"how": how})
    assert (response.status_code, response.json()["error"]) == (400, code)
    assert response.json()["message"] == REFUSALS[how].message
    assert response["Cache-Control"] == "no-store"
