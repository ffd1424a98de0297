"""What the service knows about each field of a configuration, read from its declaration. Pure."""

from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from .form_texts import Kind
from .markers import Internal, Matches, NeverSent, OAuthReplaces, SentTo

KINDS: dict[Any, Kind] = {list: "list", dict: "mapping", bool: "boolean", int: "number", float: "number"}
_MARKERS = (OAuthReplaces, Internal)


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field. `name` is its name in Python and `alias` its name in JSON; the rest is as the markers say.

    `sent_to` has the JSON names of the fields that decide where a secret is sent, e.g. `("baseUrl",)`; `only_with` is
    the one of them without which it is not sent, or empty. `kind_in` is the field that says which kind of secret it is.
    """

    name: str
    alias: str
    required: bool
    kind: Kind
    secret: bool
    sent_to: tuple[str, ...]
    only_with: str
    kind_in: str
    oauth_replaces: bool
    internal: bool
    accepts_blank: bool

    @property
    def mapping(self) -> bool:
        """Whether it has names and values, as `headers` of the custom webhook."""
        return self.kind == "mapping"


def facts_of(name: str, info: FieldInfo) -> FieldFacts:
    """The facts about the field `name` of a pydantic model. Raises TypeError for a secret that does not say where it
    is sent."""
    metadata = [*info.metadata, *_metadata_in_union(info.annotation)]
    has = {marker: any(isinstance(item, marker) for item in metadata) for marker in _MARKERS}
    kind = _kind_of(info.annotation)
    patterns = [item for item in metadata if isinstance(item, Matches)]
    secret = SecretStr in _types_in(info.annotation)
    sent_to = next((item for item in metadata if isinstance(item, SentTo)), None)
    never_sent = next((item for item in metadata if isinstance(item, NeverSent)), None)
    if secret and sent_to is None and never_sent is None:
        raise TypeError(f"{name} is a secret: declare with SentTo where it is sent, or with NeverSent that it is not.")
    return FieldFacts(
        name=name,
        alias=info.alias or to_camel(name),
        required=info.is_required() or has[OAuthReplaces],
        kind=kind,
        secret=secret,
        sent_to=tuple(map(to_camel, sent_to.fields)) if sent_to else (),
        only_with=to_camel(sent_to.only_with) if sent_to else "",
        kind_in=to_camel(never_sent.kind_in) if never_sent else "",
        oauth_replaces=has[OAuthReplaces],
        internal=has[Internal],
        accepts_blank=kind == "text" and bool(patterns) and all(pattern.accepts("") for pattern in patterns),
    )


def flat_schema(schema: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """The JSON Schema of a nullable field with `type: [.., null]`: forms show pydantic's `anyOf` as a choice.

    `required` leaves the null out, for fields that are optional only for users who connect with OAuth.
    """
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    flat = {**choices[0], **{key: value for key, value in schema.items() if key not in ("anyOf", "default")}}
    if required:
        return flat
    with_null = {"type": [flat["type"], "null"], **({"enum": [*flat["enum"], None]} if "enum" in flat else {})}
    return flat | with_null


def _metadata_in_union(annotation: Any) -> list[Any]:
    """The metadata of Annotated types inside a union such as `Url | None`."""
    found: list[Any] = []
    for part in get_args(annotation):
        if get_origin(part) is Annotated:
            found.extend(part.__metadata__)
    return found


def _kind_of(annotation: Any) -> Kind:
    """The kind of the first of the types that the field takes, e.g. `list` for `list[str] | None`."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):
        return _kind_of(parts[0])
    return KINDS.get(origin or annotation, "text")


def _types_in(annotation: Any) -> set[Any]:
    """Every plain type that an annotation mentions."""
    origin = get_origin(annotation)
    parts = get_args(annotation)
    if origin is Annotated:
        return _types_in(parts[0])
    found = {origin or annotation}
    for part in parts:
        found |= _types_in(part)
    return found
