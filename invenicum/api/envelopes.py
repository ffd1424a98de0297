"""What answers are wrapped in: `{"data"}`, a page, or a sentence. Made from serializers, also for OpenAPI."""

from functools import cache

from .serializers import ConstantField, StrictSerializer, TextField


class DoneSerializer(StrictSerializer):
    """Something has been done, as `message` says: `{"success": true, "message": "…"}`."""

    success = ConstantField(True)
    message = TextField()


@cache
def page_of(serializer: type[StrictSerializer]) -> type[StrictSerializer]:
    """The envelope of a page: `{"data": […], "next", "previous"}`, for the OpenAPI document."""
    fields = {
        "data": serializer(many=True),
        "next": TextField(allow_null=True),
        "previous": TextField(allow_null=True),
        "__doc__": "One page of a list, and the addresses of the pages next to it.",
    }
    return type(f"{_name(serializer)}Page", (StrictSerializer,), fields)


@cache
def answer_of(serializer: type[StrictSerializer], *, many: bool = False) -> type[StrictSerializer]:
    """The envelope `{"data": …}` around a serializer, named after it, for the OpenAPI document."""
    name = f"{_name(serializer)}{'List' if many else ''}Answer"
    return type(name, (StrictSerializer,), {"data": serializer(many=many), "__doc__": "The answer, under `data`."})


@cache
def done_of(serializer: type[StrictSerializer]) -> type[StrictSerializer]:
    """The answer of an action with its result in `data`: `{"success": true, "message": "…", "data": …}`."""
    fields = {"data": serializer(), "__doc__": "`message` says what was done; `data` is the result."}
    return type(f"{_name(serializer)}Done", (DoneSerializer,), fields)


def _name(serializer: type[StrictSerializer]) -> str:
    return serializer.__name__.removesuffix("Serializer")
