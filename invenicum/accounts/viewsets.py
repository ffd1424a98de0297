from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from invenicum.api.envelopes import answer_of
from invenicum.api.errors import NOT_FOUND, ApiError, invalid
from invenicum.api.viewsets import ApiViewSet

from . import services
from .models import User
from .public_ids import PUBLIC_ID, PUBLIC_ID_SAYS, parse_public_id
from .scopes import REMOVE_ACCOUNTS
from .serializers import RemovedAccountSerializer

ID_PARAMETER = OpenApiParameter("account_id", {"type": "string", "pattern": PUBLIC_ID}, "path")


class AccountViewSet(ApiViewSet):
    """Any account, for the backend that these accounts come from."""

    serializer_class = RemovedAccountSerializer
    required_scopes = {"DELETE": REMOVE_ACCOUNTS}
    lookup_url_kwarg = "account_id"

    def api_error(self, error: Exception) -> ApiError | None:
        if isinstance(error, User.DoesNotExist):
            return ApiError(404, NOT_FOUND, f"There is no account {self.kwargs['account_id']}")
        return super().api_error(error)

    @extend_schema(
        operation_id="removeAccount",
        summary="Remove an account and all that is its own",
        parameters=[ID_PARAMETER],
        responses={200: answer_of(RemovedAccountSerializer)},
    )
    def destroy(self, request: Request, account_id: str) -> Response:
        """Removes an account and everything that belongs to it; its credentials are revoked at the providers."""
        key = parse_public_id(account_id)
        if key is None:
            raise invalid({"id": [PUBLIC_ID_SAYS]})
        user = User.objects.get(account_id=key)
        services.remove(user)
        return self.answer(user)
