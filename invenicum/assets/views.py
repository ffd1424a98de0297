from typing import Annotated, Any, Self

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invenicum.accounts.authentication import current_user
from invenicum.api.bodies import Body, Says, read
from invenicum.api.errors import INVALID_CONFIG, NOT_FOUND, ApiError
from invenicum.api.pagination import paginate
from invenicum.api.responses import answer
from invenicum.api.schema import PAGE_PARAMETERS, Answer, Error, PageAnswer, Shape
from invenicum.events.names import ASSET_ID, MAX_ASSET_ID

from . import rules, services
from .models import Asset


def _right_tags(tags: list[str]) -> list[str]:
    problem = rules.wrong_tags(tags)
    if problem:
        raise ValueError(problem)
    return tags


AssetId = Annotated[
    str,
    Field(pattern=ASSET_ID, max_length=MAX_ASSET_ID),
    Says(f"must be 1 to {MAX_ASSET_ID} letters, digits, dots, dashes and underscores, for example asset-123"),
]
Name = Annotated[
    str,
    Field(pattern=rules.NOT_BLANK, max_length=rules.MAX_NAME),
    Says(f"must be 1 to {rules.MAX_NAME} characters, not all of them blank"),
]
Category = Annotated[
    str,
    Field(pattern=rules.WITHOUT_NUL, max_length=rules.MAX_CATEGORY),
    Says(f"must be at most {rules.MAX_CATEGORY} characters"),
]
Tag = Annotated[
    str,
    Field(pattern=rules.NOT_BLANK, max_length=rules.MAX_TAG),
    Says(f"must be 1 to {rules.MAX_TAG} characters, not all of them blank"),
]
Tags = Annotated[
    list[Tag],
    Field(max_length=rules.MAX_TAGS, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_right_tags),
]
Url = Annotated[
    str,
    Field(pattern=rf"^$|{rules.URL}", max_length=rules.MAX_URL),
    Says("must be an http or https address of at most 2000 ASCII characters without blanks, or empty"),
]


class NewAsset(Body):
    asset_id: AssetId | None = None
    name: Name
    category: Category = ""
    tags: Tags = []
    url: Url = ""


def _any_of_its_fields(schema: dict[str, Any]) -> None:
    schema["minProperties"] = 1
    for field in schema["properties"].values():
        del field["default"]  # what is not given stays as it is


class AssetChanges(Body):
    model_config = ConfigDict(json_schema_extra=_any_of_its_fields)

    name: Name = ""
    category: Category = ""
    tags: Tags = []
    url: Url = ""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one field to change")
        return self


class AssetDocument(Shape):
    asset_id: str
    name: str
    category: str
    tags: list[str]
    url: str
    created_by: str
    created_at: str
    updated_at: str


class DeletedAsset(Shape):
    asset_id: str


ASSET_ID_PARAMETER = OpenApiParameter(
    "asset_id", {"type": "string", "pattern": ASSET_ID, "minLength": 1, "maxLength": MAX_ASSET_ID}, "path"
)


class AssetListView(APIView):
    required_scopes = {"GET": "assets:read", "POST": "assets:write"}

    @extend_schema(operation_id="listAssets", parameters=PAGE_PARAMETERS, responses={200: PageAnswer[AssetDocument]})
    def get(self, request: Request) -> Response:
        """Your assets, newest first."""
        page = paginate(request, Asset.objects.filter(owner=current_user(request)))
        return page.answer(request, [asset.snapshot().document() for asset in page.rows])

    @extend_schema(operation_id="createAsset", request=NewAsset, responses={201: Answer[AssetDocument], 409: Error})
    def post(self, request: Request) -> Response:
        """Creates an asset and publishes `asset.created`."""
        body = read(NewAsset, request.data)
        try:
            asset = services.create_asset(current_user(request), body.model_dump(exclude_none=True))
        except services.AssetExists:
            details = {"assetId": ["you have an asset with this id already"]}
            raise ApiError(409, INVALID_CONFIG, "There is such an asset already", details) from None
        return answer(asset.snapshot().document(), 201)


@extend_schema(parameters=[ASSET_ID_PARAMETER])
class AssetView(APIView):
    required_scopes = {"GET": "assets:read", "PATCH": "assets:write", "DELETE": "assets:write"}

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Asset.DoesNotExist):
            exc = ApiError(404, NOT_FOUND, f"You have no asset {self.kwargs['asset_id']}")
        return super().handle_exception(exc)

    @extend_schema(operation_id="readAsset", responses={200: Answer[AssetDocument]})
    def get(self, request: Request, asset_id: str) -> Response:
        asset = Asset.objects.get(owner=current_user(request), asset_id=asset_id)
        return answer(asset.snapshot().document())

    @extend_schema(operation_id="changeAsset", request=AssetChanges, responses={200: Answer[AssetDocument]})
    def patch(self, request: Request, asset_id: str) -> Response:
        """Writes the given fields and publishes `asset.updated` where that changes something."""
        values = read(AssetChanges, request.data).model_dump(exclude_unset=True)
        return answer(services.change_asset(current_user(request), asset_id, values).snapshot().document())

    @extend_schema(operation_id="deleteAsset", responses={200: Answer[DeletedAsset]})
    def delete(self, request: Request, asset_id: str) -> Response:
        """Deletes the asset and publishes `asset.deleted`."""
        services.delete_asset(current_user(request), asset_id)
        return answer({"assetId": asset_id})
