"""The documentation page of a connector, from its declaration. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .core.config import ConnectorConfig, FieldFacts
from .core.connector import Connector


def render_page(connector: Connector) -> str:
    """The page of `connector` as Markdown: what to do at the service, the fields, what is sent and received."""
    sections = [
        f"<!-- Made by `python manage.py connector_docs` from the declaration of `{connector.type}`: edit that. -->",
        f"# {connector.name}",
        f"{connector.description} Type `{connector.type}`, category `{connector.category}`.",
        f"## What to do at {connector.name}" if connector.type != "webhook" else "## What to do on your side",
        connector.setup.strip(),
        *_oauth_section(connector),
        "## Configuration",
        _table(connector),
        "\n".join(["For example:", "", "```json", _example(connector), "```"]),
        "## What is sent",
        connector.sends.strip(),
        *_existing_section(connector),
        *_inbound_section(connector),
    ]
    return "\n\n".join(sections) + "\n"


def render_index(connectors: list[Connector]) -> str:
    """The list of the pages of `connectors`, as a Markdown table."""
    rows = [
        f"| [{connector.name}]({connector.type}.md) | `{connector.type}` | {connector.category.replace('_', ' ')} "
        f"| {'yes' if connector.oauth else ''} | {connector.description} |"
        for connector in connectors
    ]
    head = ["# Connectors", "", "| service | type | category | OAuth | |", "|---|---|---|---|---|"]
    return "\n".join(["<!-- Made by `python manage.py connector_docs`. -->", "", *head, *rows]) + "\n"


def _oauth_section(connector: Connector) -> list[str]:
    if connector.oauth is None:
        return []
    facts = connector.Config.facts()
    replaces = ", ".join(f"`{fact.alias}`" for fact in facts if fact.oauth_replaces)
    how = f"replaces {replaces}" if replaces else "lets the connection test prove more"
    how = "is the only way to connect" if connector.oauth.required else how
    scopes = ", ".join(f"`{scope}`" for scope in connector.oauth.scopes)
    if connector.oauth.inbound_scopes and connector.inbound:
        more = ", ".join(f"`{scope}`" for scope in connector.oauth.inbound_scopes)
        scopes += f"; if the operator has set `{connector.inbound.app_secret}`, also {more}"
    return [
        "## Connecting with OAuth",
        f"Connecting an account {how}. The operator of this service registers an app at {connector.name} first, "
        f"with the redirect address `<PUBLIC_URL>/api/v1/integrations/oauth/callback/{connector.type}`, and sets "
        f"`OAUTH_{connector.type.upper()}_CLIENT_ID` and `OAUTH_{connector.type.upper()}_CLIENT_SECRET` "
        f"([settings](../settings.md#oauth)). Asked for: {scopes}.",
    ]


def _existing_section(connector: Connector) -> list[str]:
    if not connector.takes_existing:
        return []
    return [
        f"Assets that existed before can be sent too: `POST /integrations/{connector.type}/backfill` with "
        '`{"what": "existing"}` ([API](../api.md#what-was-missed-and-what-exists)).'
    ]


def _inbound_section(connector: Connector) -> list[str]:
    if connector.inbound is None:
        return []
    return [
        "## What is received",
        f"{connector.name} calls `<PUBLIC_URL>/webhooks/{connector.type}`, and the request names the integration that "
        "it is for. Or it calls the integration's own address, `inboundUrl` in the API, which also takes bodies above "
        "2 MiB. A request with a valid signature is published as an event of the integration's owner, for the "
        f"integrations that ask for it by name or for `{connector.type}.*`.",
        connector.inbound.setup.strip(),
    ]


def _table(connector: Connector) -> str:
    schema = connector.Config.json_schema()["properties"]
    facts = [fact for fact in connector.Config.facts() if not fact.internal]
    rows = [_row(fact, _plain(schema[fact.alias]), _bound_to(fact, facts), _made_for(fact, facts)) for fact in facts]
    return "\n".join(["| field | required | value | default | example |", "|---|---|---|---|---|", *rows])


def _bound_to(field: FieldFacts, facts: Iterable[FieldFacts]) -> str:
    """The secrets that a field decides the destination of, e.g. "`apiKey` and `webhookSecret`"."""
    return " and ".join(_code(fact.alias) for fact in facts if field.alias in fact.sent_to)


def _made_for(field: FieldFacts, facts: Iterable[FieldFacts]) -> str:
    """The secrets whose kind a field says, e.g. "`secret`"."""
    return " and ".join(_code(fact.alias) for fact in facts if fact.kind_in == field.alias)


def _row(fact: FieldFacts, schema: Mapping[str, Any], bound: str, made: str) -> str:
    required = "unless connected with OAuth" if fact.oauth_replaces else "yes" if fact.required else ""
    notes = [_value(schema).rstrip(".")]
    if fact.secret:
        notes.append("Secret" if not fact.mapping else "The values are secret")
    if made:
        notes.append(f"When it changes, a new {made} is made unless one is given")
    if bound:
        notes.append(f"When it changes, {bound} must be given again")
    default = "" if schema.get("default") in (None, "", {}) or fact.required else _code(schema["default"])
    example = next((_code(item) for item in schema.get("examples", [])), "")
    return f"| `{fact.alias}` | {required} | {'. '.join(notes)} | {default} | {example} |"


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a field that may also be null, without the null."""
    if not isinstance(schema["type"], list):
        return dict(schema)
    values = {"enum": [value for value in schema["enum"] if value is not None]} if "enum" in schema else {}
    return {**schema, "type": schema["type"][0], **values}


def _value(schema: Mapping[str, Any]) -> str:
    if schema.get("description"):
        return str(schema["description"])
    if "enum" in schema:
        return "One of " + ", ".join(_code(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return "A list. Each item: " + _value(schema["items"])[:1].lower() + _value(schema["items"])[1:]
    if schema.get("type") == "object":
        return "Names and values"
    return {"boolean": "`true` or `false`", "number": "A number", "integer": "A whole number"}.get(
        str(schema.get("type")), "Text"
    )


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "`" + text.replace("|", "\\|") + "`"


def _example(connector: Connector) -> str:
    config = example_config(connector.Config)
    return json.dumps({"type": connector.type, "config": config}, indent=2, ensure_ascii=False)


def example_config(config_class: type[ConnectorConfig]) -> dict[str, Any]:
    """The fields of a connector's `Config` that are required or `in_example`, each with the example of its declaration.

    For example `{"url": "https://myservice.example.com/webhooks/invenicum"}`.
    """
    schema = config_class.json_schema()["properties"]
    shown = [fact for fact in config_class.facts() if fact.required or fact.alias in config_class.in_example]
    fields = [fact.alias for fact in shown if not fact.internal]
    examples = {alias: _plain(schema[alias]) for alias in fields}
    return {alias: next(iter(field.get("examples", [])), field.get("default")) for alias, field in examples.items()}
