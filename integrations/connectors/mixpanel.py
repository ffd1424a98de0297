import base64
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.message import Message
from invenicum.events.names import ASSET_EVENTS

from ..core.answers import error_for, excerpt, field_of, objects_at, retry_after
from ..core.config import ConnectorConfig
from ..core.connector import Category, Connector, TestResult
from ..core.errors import AuthFailed, ConnectionFailed, IntegrationError, InvalidConfig, RateLimited, Rejected
from ..core.http import Flow, Request, Response
from ..core.markers import AssetEvents, Matches, SentTo
from ..families.analytics import actor_of, properties_of

ProjectToken = Annotated[
    SecretStr, Matches(r"^[A-Za-z0-9]{16,64}$", "a project token", "0123456789abcdef0123456789abcdef")
]
ProjectId = Annotated[str, Matches(r"^\d{1,12}$", "the number of a project", "1234567")]
ServiceAccountUsername = Annotated[
    str, Matches(r"^[A-Za-z0-9._-]{3,128}$", "the name of a service account", "invenicum.a1b2c3.mp-service-account")
]
ServiceAccountSecret = Annotated[
    SecretStr, Matches(r"^[A-Za-z0-9]{16,128}$", "the secret of a service account", "AbCdEfGhIjKlMnOpQrStUvWxYz012345")
]
# https://docs.mixpanel.com/docs/privacy/eu-residency
INGEST = {"us": "https://api.mixpanel.com", "eu": "https://api-eu.mixpanel.com", "in": "https://api-in.mixpanel.com"}
APP = {"us": "https://mixpanel.com", "eu": "https://eu.mixpanel.com", "in": "https://in.mixpanel.com"}
RATE_LIMIT_WAIT_SECONDS = 60.0  # if Mixpanel does not say how long
# Ids that Mixpanel refuses because they identify no user: https://docs.mixpanel.com/reference/import-events
PLACEHOLDER_IDS = {
    *("00000000-0000-0000-0000-000000000000", "anon", "anonymous", "nil", "none", "null", "n/a", "na", "undefined"),
    *("unknown", "<nil>", "0", "-1", "true", "false", "[]", "{}"),
}


class Mixpanel(Connector):
    type = "mixpanel"
    name = "Mixpanel"
    category = Category.ANALYTICS
    description = "Records an event in a Mixpanel project when an asset changes."
    setup: ClassVar[str] = """\
1. In *Project settings*, copy the project token, and note in which region the project's data lives.
2. Optional, to have the test prove the project: create a service account with the role *Admin* under *Organization
   settings → Service accounts*, and give its name, its secret and the project's number.
"""
    sends: ClassVar[str] = """\
One event per delivery, several in one request if several wait, under its own name (`asset.created`), with the event's
plain values as properties; `distinct_id` and `$user_id` are who did it, and `$insert_id` makes a repeated event count
once. An event whose actor is not known, or is one of the placeholders that Mixpanel refuses (`anonymous`, `unknown`,
`null`, …), belongs to no user: it counts, but not in reports about users. If an event's data has a `$device_id`,
Mixpanel may join what that device and that user did.
"""

    # Mixpanel takes 2,000 events and 10 MB in a request (2 MB in older documentation); the engine sends fewer.
    most_at_once = 2000
    concurrency = 4

    class Config(ConnectorConfig):
        project_token: Annotated[ProjectToken, SentTo("region")]
        project_id: ProjectId | None = None
        service_account_username: ServiceAccountUsername | None = None
        service_account_secret: Annotated[
            ServiceAccountSecret | None, SentTo("region"), Field(validate_default=True)
        ] = None
        region: Literal["us", "eu", "in"] = "us"
        events: AssetEvents = list(ASSET_EVENTS)

        @field_validator("service_account_secret")
        @classmethod
        def _all_or_none(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
            account = (info.data.get("service_account_username"), secret)
            if any(account) and not all((*account, info.data.get("project_id"))):
                raise PydanticCustomError(
                    "together", "goes together with serviceAccountUsername and projectId: give all three or none"
                )
            return secret

    def test(self, config: Config) -> Flow[TestResult]:
        metadata: dict[str, Any] = {"region": config.region}
        if config.service_account_secret:
            metadata |= yield from self._check_account(config)
        # An event without a time is always refused: the refusal proves the credentials, and nothing is recorded.
        response = yield self._import([{"event": "connection_test", "properties": {}}], config)
        if not (response.status == 400 and field_of(response, "failed_records")):
            raise (_error(response) if not response.ok else ConnectionFailed("Mixpanel gave an unexpected answer."))
        return TestResult("Successfully connected to Mixpanel", metadata)

    def _check_account(self, config: Config) -> Flow[dict[str, Any]]:
        base = self.endpoint("appUrl", self.endpoint("apiUrl", APP[config.region]))
        response = yield Request("GET", f"{base}/api/app/me", _headers(config))
        if not response.ok:
            raise _error(response)
        projects = response.json_object() and field_of(response, "results", "projects")
        project = projects.get(str(config.project_id)) if isinstance(projects, dict) else {}
        if not isinstance(project, dict):
            sentence = f"The service account cannot see project {config.project_id}."
            raise InvalidConfig(sentence, {"projectId": ["is not visible to the service account"]})
        return {"project": excerpt(project.get("name")), "projectId": config.project_id}

    def deliver(self, message: Message, config: Config, now: int) -> Flow[None]:
        response = yield self._import([_event(message)], config)
        if not response.ok:
            raise _error(response)
        if not field_of(response, "num_records_imported"):
            raise ConnectionFailed("Mixpanel answered with success but recorded nothing.")

    def deliver_many(
        self, messages: Sequence[Message], config: Config, now: int
    ) -> Flow[Sequence[IntegrationError | None]]:
        # https://docs.mixpanel.com/troubleshooting/errors/400-bad-request: what is valid is recorded nevertheless.
        response = yield self._import([_event(message) for message in messages], config)
        records = objects_at(response, "failed_records")
        refused = {record["index"]: record for record in records if isinstance(record.get("index"), int)}
        imported = field_of(response, "num_records_imported")
        if not response.ok and not (response.status == 400 and records):
            raise _error(response)
        if imported != len(messages) - len(refused) or not refused.keys() <= set(range(len(messages))):
            raise ConnectionFailed("Mixpanel's answer does not say what became of each event.")
        return [_refusal(refused[index]) if index in refused else None for index in range(len(messages))]

    def _import(self, events: list[dict[str, Any]], config: Config) -> Request:
        # https://docs.mixpanel.com/reference/import-events
        query = {"strict": "1", **({"project_id": config.project_id} if config.project_id else {})}
        url = f"{self.endpoint('apiUrl', INGEST[config.region])}/import?{urlencode(query)}"
        return Request.json("POST", url, events, _headers(config))


def _event(message: Message) -> dict[str, Any]:
    properties, actor = dict(properties_of(message)), _id(actor_of(message))
    # https://docs.mixpanel.com/docs/tracking-methods/id-management/identifying-users-simplified
    ids = {
        "$device_id": _id(properties.pop("$device_id", "")),
        "$user_id": actor or _id(properties.pop("$user_id", "")),
    }
    own = {
        "time": int(message.occurred_at.timestamp()),
        "distinct_id": actor,
        # At most 36 letters, digits and dashes; the same on every attempt, so that Mixpanel counts the event once.
        "$insert_id": message.id.removeprefix("evt_"),
    }
    return {"event": message.name, "properties": {**properties, **{name: id for name, id in ids.items() if id}, **own}}


def _id(value: object) -> str:
    """The id of a user or a device; blank if Mixpanel would refuse it."""
    return value if isinstance(value, str) and value.strip().lower() not in PLACEHOLDER_IDS else ""


def _headers(config: Mixpanel.Config) -> dict[str, str]:
    user, password = config.project_token.get_secret_value(), ""
    if config.service_account_username and config.service_account_secret:
        user, password = config.service_account_username, config.service_account_secret.get_secret_value()
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _refusal(record: dict[str, Any]) -> Rejected:
    return Rejected(f"Mixpanel refused the event ({excerpt(record.get('message'))}).")


def _error(response: Response) -> IntegrationError:
    status, said = response.status, excerpt(field_of(response, "error"))
    if status in (401, 403):
        return AuthFailed("Mixpanel refused the credentials: check the token or the service account, and the region.")
    if status == 429:
        return RateLimited("Mixpanel asks to slow down.", retry_after=retry_after(response) or RATE_LIMIT_WAIT_SECONDS)
    if status == 400:
        # What is wrong with an event is said of each; all else is the request's, and so the configuration's.
        for record in objects_at(response, "failed_records"):
            return _refusal(record)
        return InvalidConfig(f"Mixpanel refused the request ({said}): check the project's token, number and region.")
    return error_for(response, "Mixpanel", said)
