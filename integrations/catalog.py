"""The catalog's entry for a connector; forms, documentation and OpenAPI follow from the same declaration."""

from typing import Any

from invenicum.events.names import ASSET_EVENTS

from .core.connector import Connector


def describe(connector: Connector) -> dict[str, Any]:
    """A connector as the API shows it, e.g. `{"type": "slack", "name": "Slack", "configSchema": {…}, …}`."""
    facts = [fact for fact in connector.Config.facts() if not fact.internal]
    return {
        "type": connector.type,
        "name": connector.name,
        "category": str(connector.category),
        "description": connector.description,
        "oauth": connector.oauth is not None,
        "configSchema": connector.Config.json_schema(),
        "secretFields": [fact.alias for fact in facts if fact.secret],
        "events": list(ASSET_EVENTS),
    }
