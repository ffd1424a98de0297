"""An event as analytics services take it: an actor and a flat set of plain values. Pure."""

from heapq import nsmallest

from invenicum.events.message import Message

from .chat import MAX_TEXT_LENGTH, text

MAX_EVENT_PROPERTIES = 20  # Google Analytics accepts 25 parameters an event, some of which the connector adds
ACTOR_FIELDS = ("createdBy", "updatedBy", "deletedBy")
OMITTED_FIELDS = ("changes", *ACTOR_FIELDS)


def actor_of(message: Message) -> str:
    """The id of the user who caused the event, such as `user-456`; empty if the event does not say."""
    return next((text(message.data[key]) for key in ACTOR_FIELDS if message.data.get(key)), "")


def properties_of(message: Message) -> dict[str, str | int | float | bool]:
    """The event's plain values by name, lists as text, and `changedFields`: the names of the fields that changed."""
    facts = {"category": (message.document or {}).get("category"), **message.data}
    found: dict[str, str | int | float | bool] = {}
    for name, value in facts.items():
        if len(found) == MAX_EVENT_PROPERTIES:
            return found
        if name in OMITTED_FIELDS or value is None or isinstance(value, dict):
            continue
        found[name] = value if isinstance(value, bool | int | float) else text(value)
    changes = message.data.get("changes")
    if isinstance(changes, dict) and len(found) < MAX_EVENT_PROPERTIES:
        found["changedFields"] = text(nsmallest(MAX_TEXT_LENGTH, changes))  # no more names than that can be shown
    return found
