"""Keeping secrets across a re-save. Pure.

The app fills its form from what it was shown, so a re-save sends the secrets it never saw as blank. A blank or
absent secret keeps its stored value, unless a field that decides where it is sent changed: otherwise a person who
can edit an integration could have its secrets sent to a server of their own.
"""

from collections.abc import Mapping
from typing import Any

from .core.config import ConnectorConfig, FieldFacts
from .core.errors import InvalidConfig


def keep_secrets(
    config_class: type[ConnectorConfig],
    submitted: Mapping[str, Any],
    public: Mapping[str, Any],
    secrets: Mapping[str, Any],
    *,
    connected: bool = False,
) -> dict[str, Any]:
    """The submitted values completed with the stored secrets that they keep, by JSON name.

    `submitted` is what the owner sends; a secret that is `null` in it is erased. `public` and `secrets` are what is
    stored, by JSON name. `connected` says that the integration keeps its OAuth grant. For example, a Slack form with
    `{"webhookUrl": "", "channel": "#it"}` comes back with the stored `webhookUrl`.

    Raises InvalidConfig naming every secret that must be given again, or the fields that cannot change while connected.
    """
    submitted = config_class.read_form(submitted)  # `{Authorization: }` keeps a header as an object does
    facts = [fact for fact in config_class.facts() if not fact.internal]
    moved = [
        fact.alias for fact in facts if fact.destination and _moved(config_class, fact, submitted, public, secrets)
    ]
    if connected and moved:
        # A token cannot be given again: it belongs to the server that issued it.
        sentence = (
            f"{' and '.join(moved)} cannot change while it is connected with OAuth: connect again, or give a key."
        )
        raise InvalidConfig(sentence, {alias: ["cannot change while connected with OAuth"] for alias in moved})
    merged = dict(submitted)
    details: dict[str, list[str]] = {}
    for fact in facts:
        stored = secrets.get(fact.alias)
        if not fact.secret or not stored or fact.alias in moved:
            continue
        value, kept = _merge_mapping(submitted, fact, stored) if fact.mapping else _merge_value(submitted, fact, stored)
        if kept and moved and not fact.never_sent:
            details[fact.alias] = [f"must be given again, because {' and '.join(moved)} changed"]
        elif value is not None:
            merged[fact.alias] = value
    if details:
        # Other errors are reported first: nothing would be sent to an address that is not valid.
        config_class.parse({**merged, **{alias: secrets[alias] for alias in details}}, connected=connected)
        fields = " and ".join(details)
        raise InvalidConfig(f"Give {fields} again: {' and '.join(moved)} changed, and it would be sent there.", details)
    return merged


def gives_key(config_class: type[ConnectorConfig], submitted: Mapping[str, Any], secrets: Mapping[str, Any]) -> bool:
    """Whether `submitted` has a new secret that replaces an OAuth connection; `secrets` are the stored ones."""
    keys = [fact.alias for fact in config_class.facts() if fact.oauth_replaces or (fact.secret and fact.destination)]
    return any(submitted.get(alias) and submitted[alias] != secrets.get(alias) for alias in keys)


def _merge_value(submitted: Mapping[str, Any], fact: FieldFacts, stored: str) -> tuple[Any, bool]:
    if submitted.get(fact.alias, "") == "":
        return stored, True
    return submitted[fact.alias], False


def _merge_mapping(submitted: Mapping[str, Any], fact: FieldFacts, stored: Mapping[str, str]) -> tuple[Any, bool]:
    given = submitted.get(fact.alias, "")
    if given == "":
        return dict(stored), True
    if not isinstance(given, Mapping):
        return given, False
    kept = {name: stored[name] for name, value in given.items() if value in ("", None) and name in stored}
    return {**given, **kept}, bool(kept)


def _moved(
    config_class: type[ConnectorConfig],
    fact: FieldFacts,
    submitted: Mapping[str, Any],
    public: Mapping[str, Any],
    secrets: Mapping[str, Any],
) -> bool:
    default = config_class.model_fields[fact.name].default if not fact.required else None
    if fact.secret:
        given = submitted.get(fact.alias) or ""
        return given != "" and given != secrets.get(fact.alias, "")
    return _same(submitted.get(fact.alias), default) != _same(public.get(fact.alias), default)


def _same(value: Any, default: Any) -> str:
    return str(value or default or "").strip().rstrip("/")
