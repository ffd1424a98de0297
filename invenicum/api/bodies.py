"""What callers send, declared with pydantic: one declaration validates, and documents itself."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from invenicum.timestamps import parse_timestamp

from .errors import ApiError, invalid

REQUIRED = "this field is required"


class Body(BaseModel):
    """Base of request bodies. JSON names are camelCase; unknown fields and types that merely resemble are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Says:
    """In `Annotated`, after a pattern and limits: what is said where they are not kept. People read no patterns."""

    words: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.custom_error_schema(handler(source), "says", custom_error_message=self.words)


Timestamp = Annotated[
    datetime, BeforeValidator(parse_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})
]

AnyBody = TypeVar("AnyBody", bound=Body)


def read(model: type[AnyBody], data: Any) -> AnyBody:
    """`data` as a `model`. Raises ApiError with what is wrong at each field."""
    if not isinstance(data, dict):
        raise invalid({"body": ["must be a JSON object"]})
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _as_api_error(error) from None


def _as_api_error(error: ValidationError) -> ApiError:
    details: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in item["loc"]) or "body"
        details.setdefault(path, []).append(_sentence(item["type"], item["msg"]))
    return invalid(details)


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return REQUIRED
    if kind == "extra_forbidden":
        return "unknown field"
    message = re.sub(r"^(?:Input|String|List|Dictionary) should (?:(be a )valid )?", r"must \1", message)
    message = re.sub(r"^Value error, | after validation, not (?:\d+|more)$", "", message)
    return message.replace("be a dictionary", "be an object")
