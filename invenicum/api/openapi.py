"""The OpenAPI description of the API, and what its parts share.

Views describe their successes with `extend_schema`; the errors follow from what a view is (`ApiSchema`).
"""

import json
from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from invenicum.per_process import PerProcess

from .addresses import PREFIX
from .idempotency_keys import PARAMETER, does_take_key
from .pagination import CURSOR, DEFAULT_LIMIT, MAX_LIMIT
from .serializers import ConstantField, ObjectField, StrictSerializer, TextField


class Error(StrictSerializer):
    """What every error looks like: `error` is its code, `message` a sentence for people."""

    optional_in_answers = frozenset({"details"})

    success = ConstantField(False)
    message = TextField()
    error = TextField(help_text="For example `INVALID_CONFIG`, `NOT_FOUND` or `SLACK_CONNECTION_FAILED`.")
    details = ObjectField(
        values={"type": "array", "items": {"type": "string"}},
        help_text="For invalid input: what is wrong with each field.",
    )


LIMIT_PARAMETER = OpenApiParameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    description="The most items to return.",
)
PAGE_PARAMETERS = [
    OpenApiParameter("cursor", {"type": "string", "pattern": CURSOR}, description="From `next` or `previous`."),
    LIMIT_PARAMETER,
]

_DESCRIPTIONS = {
    "200": "Done.",
    "201": "Created.",
    "202": "Accepted.",
    "400": "The request is not valid.",
    "401": "No token, or one that is wrong or has expired.",
    "403": "The token lacks the scope for this.",
    "404": "It does not exist, or it is not yours.",
    "409": "It conflicts with the current state.",
    "413": "The body is too large.",
    "415": "The body is not declared as JSON.",
    "429": "Too many requests: see Retry-After.",
    "500": "An error of this service; it has been logged.",
    "503": "The service cannot do this at the moment, for example because its database is away: see Retry-After.",
}


class ApiSchema(AutoSchema):
    """Documents on each operation the errors that it can answer with, in addition to those its view documents.

    Objects have only the declared properties, unless unknown ones are ignored. An answer has every property, unless
    its serializer says otherwise. An operation that needs no token says so: `security: []`.
    """

    def get_operation(self, *args: Any, **options: Any) -> Any:
        operation = super().get_operation(*args, **options)
        return {**operation, "security": operation.get("security", [])} if operation else operation

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # each operation declares its answer: `page_of`, `answer_of`

    def get_override_parameters(self) -> list[Any]:
        return [PARAMETER] if self._takes_key() else []

    def _takes_key(self) -> bool:
        return does_take_key(getattr(self.view, getattr(self.view, "action", None) or "", None))

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if not isinstance(serializer, StrictSerializer):
            return schema
        if direction == "response" or not serializer.ignores_unknown_fields:
            schema["additionalProperties"] = False
        if direction == "response":
            required = [name for name in schema.get("properties", {}) if name not in serializer.optional_in_answers]
            return {**schema, **({"required": required} if required else {})}
        return schema | dict(serializer.request_schema)

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        responses = super()._get_response_bodies(direction)
        for status in self._error_statuses():
            if status not in responses:
                responses[status] = self._get_response_for_code(Error, status)  # type: ignore[no-untyped-call]
        for status, response in responses.items():
            response["description"] = response["description"] or _DESCRIPTIONS.get(status, "")
        return dict(sorted(responses.items()))

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        return {**body, "required": not getattr(self.view, "body_is_optional", False)} if body else body

    def _error_statuses(self) -> list[str]:
        has_body = self._get_request_body() is not None
        parameters = self._get_parameters()
        applies = {
            "400": has_body or any(parameter["in"] != "path" for parameter in parameters),
            "401": bool(self.view.get_authenticators()),
            "403": bool(self.view.get_authenticators()),
            "404": any(parameter["in"] == "path" for parameter in parameters),
            "409": self._takes_key(),
            "413": has_body,
            "415": has_body,
            "429": bool(self.view.get_throttles()),
            "500": True,
            "503": True,
        }
        return [status for status, does in applies.items() if does]


class _FieldSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A strict field knows its own JSON Schema."""

    target_class = "invenicum.api.serializers.StrictField"
    match_subclasses = True

    def get_name(self) -> str | None:
        name: str | None = self.target.component_name
        return name

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = self.target.json_schema()
        return schema


class _ListSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The JSON Schema of a list: its bounds, its own keywords, and its items' schema."""

    target_class = "invenicum.api.serializers.ListField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        items = auto_schema._map_serializer_field(self.target.child, direction)  # type: ignore[no-untyped-call]
        rules = {"minItems": self.target.min_items, "maxItems": self.target.max_items}
        bounds = {name: rule for name, rule in rules.items() if rule is not None}
        return {"type": "array", "items": items, **bounds, **self.target.keywords}


def drop_second_mount(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """The API answers below `/api/v1` and at the root too; it is described once."""
    paths = {endpoint[0] for endpoint in endpoints}
    return [endpoint for endpoint in endpoints if PREFIX + endpoint[0] not in paths]


def tell_defaults_of_collections(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The document `result` with the defaults of lists and objects moved into descriptions.

    From such a default, openapi-generator's clients make an empty list that they send.
    """
    schemas = result["components"]["schemas"]
    told = {name: schema | _with_told_defaults(schema) for name, schema in schemas.items()}
    return {**result, "components": {**result["components"], "schemas": told}}


def _with_told_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    if "properties" not in schema:
        return {}
    return {"properties": {name: _with_told_default(field) for name, field in schema["properties"].items()}}


def _with_told_default(field: dict[str, Any]) -> dict[str, Any]:
    default = field.get("default")
    if not isinstance(default, list | dict):
        return field
    sentence = f"Default: `{json.dumps(default)}`." if default else ""
    description = " ".join(text for text in (field.get("description", ""), sentence) if text)
    rest = {name: value for name, value in field.items() if name != "default"}
    return rest | ({"description": description} if description else {})


def _make_document() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


# Made by one thread: the library resolves the classes of its extensions without a lock.
_document = PerProcess(_make_document)


class SchemaView(APIView):
    """The description as JSON, or as YAML if `Accept` asks for it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    content_negotiation_class = DefaultContentNegotiation
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2]
    schema = None

    def get(self, request: Request) -> Response:
        return Response(_document.get())
