"""Every route with every method: with a token, without one, with a wrong one, and with each single scope.

There are no rows in this area, so most methods answer 404.
"""

from typing import Any

from ..scenario import API, RequestStep, Step

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
IR, IW = "integrations:read", "integrations:write"
DR, DW = "deliveries:read", "deliveries:write"
ONE = "0" * 32
# The scope that each method of each route requires. Other methods do not exist.
ROUTES: dict[str, dict[str, str]] = {
    "/accounts/user-1": {"DELETE": "accounts:write"},
    "/assets": {"GET": "assets:read", "POST": "assets:write"},
    "/assets/asset-1": {"GET": "assets:read", "PATCH": "assets:write", "DELETE": "assets:write"},
    "/events": {"GET": DR, "POST": "events:write"},
    f"/events/evt_{ONE}": {"GET": DR},
    "/integrations/oauth/authorize/github": {"GET": IW},
    "/integrations/oauth/callback/github": {"GET": ""},
    "/integrations/oauth/start/github": {"POST": IW},
    "/integrations/oauth/open/github": {"GET": "", "POST": ""},
    "/integrations/oauth/confirm": {"POST": IW},
    "/integrations/status": {"GET": IR},
    "/integrations/test": {"POST": IW},
    "/integrations": {"POST": IW},
    "/integrations/slack": {"GET": IR, "PATCH": IW, "DELETE": IW},
    "/integrations/slack/preview": {"GET": IR, "POST": IW},
    "/integrations/slack/secret": {"GET": IW},
    "/integrations/slack/secret/rotate": {"POST": IW},
    "/integrations/slack/health": {"GET": DR},
    "/integrations/slack/ping": {"POST": IW},
    "/integrations/slack/replay": {"POST": DW},
    "/integrations/slack/backfill": {"POST": DW},
    "/portal/links": {"POST": IR},
    "/connectors": {"GET": IR},
    "/connectors/s3": {"GET": IR},
    f"/replays/rpl_{ONE}": {"GET": DR, "DELETE": DW},
    "/deliveries": {"GET": DR},
    f"/deliveries/dlv_{ONE}": {"GET": DR},
    f"/deliveries/dlv_{ONE}/retry": {"POST": DW},
}
SCOPES = sorted({scope for methods in ROUTES.values() for scope in methods.values() if scope})
CATALOG = "/connectors"  # the area `connectors` compares its answers


def keys_of_data(answer: dict[str, object]) -> object:
    return answer if "error" in answer else list(answer)


def _ask(title: str, method: str, path: str, **more: Any) -> RequestStep:
    return RequestStep(
        title=f"{method} {path} {title}",
        method=method,
        path=path,
        shows=keys_of_data if CATALOG in path and method == "GET" else None,
        **more,
    )


def _with_every_method(path: str) -> list[Step]:
    return [_ask("with a token", method, f"{API}{path}") for method in METHODS]


def _at_the_root(path: str, wanted: dict[str, str]) -> list[Step]:
    return [_ask("at the root", method, path) for method in (*wanted, "PUT", "OPTIONS")]


def _with_other_tokens(path: str, wanted: dict[str, str]) -> list[Step]:
    others = {scope: " ".join(other for other in SCOPES if other != scope) for scope in SCOPES}
    steps: list[Step] = []
    for method, scope in wanted.items():
        steps.append(_ask("without a token", method, f"{API}{path}", user=None))
        steps.append(
            _ask("with a wrong token", method, f"{API}{path}", user=None, headers={"Authorization": "Bearer x"})
        )
        if scope:
            steps.append(_ask(f"with {scope} only", method, f"{API}{path}", scopes=scope))
            steps.append(_ask(f"without {scope}", method, f"{API}{path}", scopes=others[scope]))
    return [
        *steps,
        _ask("without a token", "PUT", f"{API}{path}", user=None),
        _ask("without a token", "OPTIONS", f"{API}{path}", user=None),
        _ask("without a scope for it", "HEAD", f"{API}{path}", scopes="events:publish-any"),
        _ask("without a scope for it", "PUT", f"{API}{path}", scopes="events:publish-any"),
    ]


STEPS: list[Step] = [
    step
    for path, wanted in ROUTES.items()
    for step in (*_with_every_method(path), *_at_the_root(path, wanted), *_with_other_tokens(path, wanted))
]
