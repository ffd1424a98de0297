"""Slack's authorization server: a workspace has one bot token of an app for all who connect it."""

from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.http_server import Answer, FakeServer, Received, json_answer


class SlackOAuth(FakeServer):
    """The code `T1:Acme` connects the workspace T1, called Acme. `webhook_url` is what its answer has as address.

    An app has one bot user in a workspace, so that each installation is given the same token until it is revoked:
    https://docs.slack.dev/authentication/tokens#bot. Revoking it deactivates the bot user for everybody:
    https://docs.slack.dev/reference/methods/auth.revoke.
    """

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.tokens: dict[str, str] = {}  # of each workspace
        self.revoked: list[str] = []
        self.webhook_url = "https://hooks.slack.com/services/{team}/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
        self.channel: dict[str, Any] = {"channel": "#asset-updates", "channel_id": "C05002EAE"}

    @property
    def endpoints(self) -> dict[str, str]:
        return {
            "authorizeUrl": f"{self.url}/oauth/v2/authorize",
            "tokenUrl": f"{self.url}/api/oauth.v2.access",
            "revokeUrl": f"{self.url}/api/auth.revoke",
            "identityUrl": f"{self.url}/api/auth.test",
            "apiUrl": self.url,
        }

    def _handle(self, request: Received) -> Answer:
        if request.path == "/api/auth.revoke":
            return self._revoke(request.headers.get("authorization", "").removeprefix("Bearer "))
        form = dict(parse_qsl(request.body.decode()))
        team, _, name = form["code"].partition(":")
        token = self.tokens.setdefault(team, f"xoxb-{team}-{len(self.revoked)}")
        # As in the example on https://docs.slack.dev/reference/methods/oauth.v2.access
        return json_answer(
            200,
            {
                "ok": True,
                "access_token": token,
                "token_type": "bot",
                "scope": "incoming-webhook,channels:read",
                "bot_user_id": "U0KRQLJ9H",
                "app_id": "A0KRD7HC3",
                "team": {"name": name, "id": team},
                "enterprise": None,
                "authed_user": {"id": "U1234"},
                "incoming_webhook": {
                    **self.channel,
                    "configuration_url": f"https://acme.slack.com/services/B00000000?team={team}",
                    "url": self.webhook_url.format(team=team),
                },
            },
        )

    def _revoke(self, token: str) -> Answer:
        team = next((team for team, known in self.tokens.items() if known == token), None)
        if team is None:
            return json_answer(200, {"ok": False, "error": "invalid_auth"})
        del self.tokens[team]
        self.revoked.append(team)
        return json_answer(200, {"ok": True, "revoked": True})
