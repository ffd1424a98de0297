"""What an analytics service is told of an event: a flat list of plain values. Pure."""

from invenicum.events.message import Message

from .chat import text

MAX_PROPERTIES = 20  # Google Analytics takes 25 a event; a few are its own
NOT_A_FACT = ("changes", "createdBy", "updatedBy", "deletedBy")


def actor_of(message: Message) -> str:
    """Who did it; empty where the event does not say."""
    return next((text(message.data[key]) for key in NOT_A_FACT[1:] if message.data.get(key)), "")


def properties_of(message: Message) -> dict[str, str | int | float | bool]:
    """The event's plain values by their names, lists as text, and the names of the fields that changed."""
    facts = {"category": (message.document or {}).get("category"), **message.data}
    found: dict[str, str | int | float | bool] = {}
    for name, value in facts.items():
        if name in NOT_A_FACT or value is None or isinstance(value, dict):
            continue
        found[name] = value if isinstance(value, bool | int | float) else text(value)
    changes = message.data.get("changes")
    if isinstance(changes, dict):
        found["changedFields"] = text(sorted(changes))
    return dict(list(found.items())[:MAX_PROPERTIES])
