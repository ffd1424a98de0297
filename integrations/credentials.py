"""Keeping secrets across a re-save. Pure.

The app fills its form from what it was shown, so a re-save sends the secrets it never saw as blank. A blank or
absent secret keeps its stored value, unless a field that decides where it is sent changed: otherwise a person who
can edit an integration could have its secrets sent to a server of their own. Which fields these are, each secret
declares with `SentTo`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
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
    generated: Collection[str] = (),
) -> dict[str, Any]:
    """The submitted values completed with the stored secrets that they keep, by JSON name.

    `submitted` is what the owner sends; a secret that is `null` in it is erased. `public` and `secrets` are what is
    stored, by JSON name. `connected` says that the integration keeps its OAuth grant. `generated` names secrets that
    the service made itself: they are left out instead, so that new ones are made, as are those of another kind than
    the configuration now says. For example, a Slack form with
    `{"webhookUrl": "", "channel": "#it"}` comes back with the stored `webhookUrl`.

    Raises InvalidConfig naming every secret that must be given again, or the fields that cannot change while connected.
    """
    submitted = config_class.read_form(submitted)  # `{Authorization: }` keeps a header as an object does
    moved = _moved_fields(config_class, submitted, public, secrets)
    if connected:
        _check_grant(config_class, moved)
    merged = dict(submitted)
    details: dict[str, list[str]] = {}
    decisive: dict[str, None] = {}
    for fact, value, kept, away in _kept_secrets(config_class, submitted, secrets, moved):
        if _is_made_again(fact, kept, away, moved, generated):
            merged.pop(fact.alias, None)
        elif away:
            details[fact.alias] = [f"must be given again, because {' and '.join(away)} changed"]
            decisive |= dict.fromkeys(away)
        elif value is not None:
            merged[fact.alias] = value
    if details:
        # Other errors are reported first: nothing would be sent to an address that is not valid.
        config_class.parse({**merged, **{alias: secrets[alias] for alias in details}}, connected=connected)
        fields, changed = " and ".join(details), " and ".join(decisive)
        raise InvalidConfig(f"Give {fields} again: {changed} changed, and it would be sent there.", details)
    return merged


def secrets_to_give(
    config_class: type[ConnectorConfig],
    submitted: Mapping[str, Any],
    public: Mapping[str, Any],
    secrets: Mapping[str, Any],
    *,
    generated: Collection[str] = (),
) -> dict[str, list[str]]:
    """The secrets that must be given again with `submitted`, and the fields whose change is the reason, by JSON name:
    `{"headers": ["url"]}`. The parameters are those of `keep_secrets`. Raises InvalidConfig for what is no form.
    """
    submitted = config_class.read_form(submitted)
    moved = _moved_fields(config_class, submitted, public, secrets)
    return {
        fact.alias: away
        for fact, _, kept, away in _kept_secrets(config_class, submitted, secrets, moved)
        if away and not _is_made_again(fact, kept, away, moved, generated)
    }


def _kept_secrets(
    config_class: type[ConnectorConfig],
    submitted: Mapping[str, Any],
    secrets: Mapping[str, Any],
    moved: Collection[str],
) -> Iterator[tuple[FieldFacts, Any, bool, list[str]]]:
    """Of each stored secret the value that it gets, whether that is kept, and the fields that would move it away."""
    for fact in config_class.facts():
        stored = secrets.get(fact.alias)
        if not fact.secret or fact.internal or not stored or fact.alias in moved:
            continue
        value, kept = _merge_mapping(submitted, fact, stored) if fact.mapping else _merge_value(submitted, fact, stored)
        yield fact, value, kept, moved_away(fact, moved, submitted) if kept else []


def _is_made_again(
    fact: FieldFacts, kept: bool, away: Collection[str], moved: Collection[str], generated: Collection[str]
) -> bool:
    return (kept and fact.kind_in in moved) or (bool(away) and fact.alias in generated)


def bound_secrets(
    config_class: type[ConnectorConfig], public: Mapping[str, Any], secrets: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, Any]:
    """Those of the stored `secrets` that are still sent where they were given for, once the values `new` apply.

    All by JSON name. For example, `{"webhookSecret": …}` is left out if `baseUrl` is another one in `new`.
    """
    moved = _moved_fields(config_class, new, public, secrets)
    facts = {fact.alias: fact for fact in config_class.facts()}
    return {
        alias: value for alias, value in secrets.items() if alias in facts and not moved_away(facts[alias], moved, new)
    }


def moved_away(fact: FieldFacts, moved: Iterable[str], new: Mapping[str, Any]) -> list[str]:
    """Those of the fields `moved` because of which the secret would be sent elsewhere, e.g. `["baseUrl"]`.

    `new` has the new values by JSON name.
    """
    if fact.only_with and not new.get(fact.only_with):
        return []
    return [alias for alias in moved if alias in fact.sent_to]


def gives_key(config_class: type[ConnectorConfig], submitted: Mapping[str, Any], secrets: Mapping[str, Any]) -> bool:
    """Whether `submitted` has a new secret that replaces an OAuth connection; `secrets` are the stored ones."""
    keys = [fact.alias for fact in config_class.facts() if fact.oauth_replaces]
    return any(submitted.get(alias) and submitted[alias] != secrets.get(alias) for alias in keys)


def _check_grant(config_class: type[ConnectorConfig], moved: Iterable[str]) -> None:
    """Raises InvalidConfig for a field that decides where the grant's token goes: a token cannot be given again."""
    token = next(fact for fact in config_class.facts() if fact.name == "access_token")
    if held := [alias for alias in moved if alias in token.sent_to]:
        sentence = f"{' and '.join(held)} cannot change while it is connected with OAuth: connect again, or give a key."
        raise InvalidConfig(sentence, {alias: ["cannot change while connected with OAuth"] for alias in held})


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


def _moved_fields(
    config_class: type[ConnectorConfig],
    new: Mapping[str, Any],
    public: Mapping[str, Any],
    secrets: Mapping[str, Any],
) -> list[str]:
    """The fields that decide where a secret goes and are others in `new` than in what is stored."""
    facts = config_class.facts()
    decisive = {alias for fact in facts for alias in (*fact.sent_to, fact.kind_in)}
    return [
        fact.alias
        for fact in facts
        if fact.alias in decisive and not fact.internal and _moved(config_class, fact, new, public, secrets)
    ]


def _moved(
    config_class: type[ConnectorConfig],
    fact: FieldFacts,
    new: Mapping[str, Any],
    public: Mapping[str, Any],
    secrets: Mapping[str, Any],
) -> bool:
    default = config_class.model_fields[fact.name].default if not fact.required else None
    if fact.secret:
        given = new.get(fact.alias) or ""
        return given != "" and given != secrets.get(fact.alias, "")
    return _same(new.get(fact.alias), default) != _same(public.get(fact.alias), default)


def _same(value: Any, default: Any) -> str:
    return str(value or default or "").strip().rstrip("/")
