"""What the asset API reads and writes."""

from typing import Any

from rest_framework.exceptions import ValidationError

from invenicum.api.serializers import ListField, StrictSerializer, TextField, TimestampField
from invenicum.events.names import ASSET_ID, MAX_ASSET_ID

from . import rules
from .models import Asset


class AssetSerializer(StrictSerializer):
    """An asset: written as it stands, read to create one."""

    asset_id = TextField(
        pattern=ASSET_ID,
        max_length=MAX_ASSET_ID,
        required=False,
        allow_null=True,
        says=f"must be 1 to {MAX_ASSET_ID} letters, digits, dots, dashes and underscores, for example asset-123",
    )
    name = TextField(
        pattern=rules.NOT_BLANK,
        max_length=rules.MAX_NAME,
        says=f"must be 1 to {rules.MAX_NAME} characters, not all of them blank",
    )
    category = TextField(
        pattern=rules.WITHOUT_NUL,
        max_length=rules.MAX_CATEGORY,
        required=False,
        says=f"must be at most {rules.MAX_CATEGORY} characters",
    )
    tags = ListField(
        child=TextField(
            pattern=rules.NOT_BLANK,
            max_length=rules.MAX_TAG,
            says=f"must be 1 to {rules.MAX_TAG} characters, not all of them blank",
        ),
        max_length=rules.MAX_TAGS,
        problem=rules.wrong_tags,
        required=False,
        keywords={"uniqueItems": True},
    )
    url = TextField(
        pattern=rf"^$|{rules.URL}",
        max_length=rules.MAX_URL,
        required=False,
        says="must be an http or https address of at most 2000 ASCII characters without blanks, or empty",
    )
    created_by = TextField(read_only=True)
    created_at = TimestampField(read_only=True)
    updated_at = TimestampField(read_only=True)

    def to_representation(self, asset: Asset) -> dict[str, Any]:
        return super().to_representation(asset.snapshot())


class AssetChangesSerializer(AssetSerializer):
    """The fields of an asset that are to change, at least one."""

    asset_id = TextField(read_only=True)
    request_schema = {"minProperties": 1}

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        for field in fields.values():
            field.required = False
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise ValidationError("give at least one field to change")
        return attrs


class DeletedAssetSerializer(StrictSerializer):
    """Which asset was deleted."""

    asset_id = TextField()
