"""What a token response says beside the tokens: the account, our app, and values of the configuration. Pure."""

from collections.abc import Mapping
from typing import Any

from integrations.core.answers import excerpt
from integrations.core.oauth import OAuthSpec

ACCOUNT_KEY_MAX_CHARACTERS = 255
APP_ID_MAX_CHARACTERS = 255


def account_key(spec: OAuthSpec, answer: Mapping[str, Any], account: str) -> str:
    """What distinguishes the account that a token response is about, e.g. `T012AB3CD` for a workspace of Slack.

    `account` is the account's name, which is its own key if `spec` names no other. Empty if it is not known.
    """
    if not spec.account_key:
        return account
    parts = [value_at(answer, path) for path in spec.account_key]
    known = [part for part in parts if isinstance(part, str) and part]
    return excerpt("/".join(known), ACCOUNT_KEY_MAX_CHARACTERS) if len(known) == len(parts) else ""


def app_id(spec: OAuthSpec, answer: Mapping[str, Any]) -> str:
    """The id of our app at the provider, as a token response names it, e.g. `A0KRD7HC3`; empty if it does not."""
    found = value_at(answer, spec.app_id) if spec.app_id else None
    return excerpt(found, APP_ID_MAX_CHARACTERS) if isinstance(found, str) else ""


def value_at(answer: Any, path: str) -> Any:
    """The value in a JSON answer under a path of names joined by dots, e.g. `team.name`; None if there is none."""
    for name in path.split("."):
        answer = answer.get(name) if isinstance(answer, Mapping) else None
    return answer
