from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from invenicum.accounts.authentication import current_user
from invenicum.accounts.idempotency import idempotent
from invenicum.api.envelopes import answer_of, page_of
from invenicum.api.errors import INVALID_CONFIG, NOT_FOUND, ApiError
from invenicum.api.openapi import PAGE_PARAMETERS, Error
from invenicum.api.viewsets import ApiViewSet
from invenicum.events.names import ASSET_ID, MAX_ASSET_ID

from . import services
from .models import Asset
from .serializers import AssetChangesSerializer, AssetSerializer, DeletedAssetSerializer

ASSET_ID_PARAMETER = OpenApiParameter(
    "asset_id", {"type": "string", "pattern": ASSET_ID, "minLength": 1, "maxLength": MAX_ASSET_ID}, "path"
)


@extend_schema_view(
    retrieve=extend_schema(parameters=[ASSET_ID_PARAMETER]),
    partial_update=extend_schema(parameters=[ASSET_ID_PARAMETER]),
    destroy=extend_schema(parameters=[ASSET_ID_PARAMETER]),
)
class AssetViewSet(ApiViewSet):
    """The caller's own assets."""

    serializer_class = AssetSerializer
    required_scopes = {"GET": "assets:read", "POST": "assets:write", "PATCH": "assets:write", "DELETE": "assets:write"}
    lookup_url_kwarg = "asset_id"
    lookup_value_converter = "asset_id"

    def get_queryset(self) -> QuerySet[Asset]:
        return Asset.objects.with_people().filter(owner=current_user(self.request))

    def api_error(self, error: Exception) -> ApiError | None:
        match error:
            case Asset.DoesNotExist():
                return ApiError(404, NOT_FOUND, f"You have no asset {self.kwargs['asset_id']}")
            case services.AssetExists():
                details = {"assetId": ["you already have an asset with this id"]}
                return ApiError(409, INVALID_CONFIG, "This asset already exists", details)
        return super().api_error(error)

    @extend_schema(
        operation_id="listAssets",
        summary="The asset register, newest first",
        parameters=PAGE_PARAMETERS,
        responses=page_of(AssetSerializer),
    )
    def list(self, request: Request) -> Response:
        """Your assets. `next` has the address of the next page."""
        return self.page(self.get_queryset())

    @extend_schema(
        operation_id="createAsset",
        summary="Create an asset",
        responses={201: answer_of(AssetSerializer), 409: Error, 429: Error},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Creates an asset and publishes `asset.created`."""
        values = services.given(self.read(request.data))
        return self.answer(services.create_asset(current_user(request), values), status=201)

    @extend_schema(operation_id="readAsset", summary="One asset", responses=answer_of(AssetSerializer))
    def retrieve(self, request: Request, asset_id: str) -> Response:
        """Your asset as it stands."""
        return self.answer(self.get_queryset().get(asset_id=asset_id))

    @extend_schema(
        operation_id="changeAsset",
        summary="Change an asset",
        request=AssetChangesSerializer,
        responses={200: answer_of(AssetSerializer), 429: Error},
    )
    def partial_update(self, request: Request, asset_id: str) -> Response:
        """Writes the given fields and publishes `asset.updated` if that changes something."""
        values: dict[str, Any] = self.read(request.data, AssetChangesSerializer)
        return self.answer(services.change_asset(current_user(request), asset_id, values))

    @extend_schema(
        operation_id="deleteAsset",
        summary="Delete an asset",
        responses={200: answer_of(DeletedAssetSerializer), 429: Error},
    )
    def destroy(self, request: Request, asset_id: str) -> Response:
        """Deletes the asset and publishes `asset.deleted`."""
        services.delete_asset(current_user(request), asset_id)
        return self.answer({"asset_id": asset_id}, DeletedAssetSerializer)
