"""The configuration of a custom webhook. Pure."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invenicum.events.names import ASSET_EVENTS

from ...core.client_credentials import ClientCredentials, HeldToken
from ...core.config import ConnectorConfig
from ...core.config_messages import REQUIRED
from ...core.fields import reveal
from ...core.identity import TlsIdentity, certificates, is_pair, private_key
from ...core.markers import AssetEvents, Internal, NeverSent, SentTo
from ...core.signing import PRIVATE_KEY_PREFIX
from . import template as payload_template
from .fields import ClientText, Headers, PrivateKey, SigningSecret, TokenUrl, Url

# Content has no meaning in these requests, and servers and proxies may refuse it (RFC 9110, 9.3.1 and 9.3.5).
METHODS_WITHOUT_BODY = frozenset({"GET", "DELETE"})


def _says(text: str) -> Any:
    return Field(description=text)


def _checked_certificates(pem: str) -> str:
    certificates(pem)
    return pem


def _checked_template(template: str) -> str:
    payload_template.parse(template)
    return template


Certificates = Annotated[str, AfterValidator(_checked_certificates)]
SIGNATURE_SAYS = (
    "How requests are signed: `v1` with a secret that both sides know, `v1a` with a private key (Ed25519) whose public "
    "key is all that your side needs"
)


class WebhookConfig(ConnectorConfig):
    url: Url
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: Annotated[Headers, SentTo("url")] = {}
    events: AssetEvents = list(ASSET_EVENTS)
    template: Annotated[
        Annotated[str, AfterValidator(_checked_template)] | None,
        _says('The JSON to send instead of the event, with placeholders such as `{"text": "{{ summary }}"}`'),
    ] = None
    signature: Annotated[Literal["v1", "v1a"], _says(SIGNATURE_SAYS)] = "v1"
    secret: Annotated[SigningSecret | None, NeverSent(kind_in="signature")] = None
    oauth_token_url: Annotated[TokenUrl | None, _says("Where access tokens are asked for with client credentials")] = (
        None
    )
    oauth_client_id: Annotated[ClientText | None, _says("The client id, with oauthTokenUrl")] = None
    # The token goes to `url`, so that a new one of either asks for the secret again.
    oauth_client_secret: Annotated[
        Annotated[SecretStr, Field(min_length=1, max_length=4096)] | None,
        SentTo("oauth_token_url", "url"),
        Field(validate_default=True, description="The client secret, with oauthTokenUrl"),
    ] = None
    oauth_client_auth: Annotated[
        Literal["basic", "body"], _says("Whether id and secret are sent as a Basic header or in the form")
    ] = "basic"
    oauth_scope: Annotated[ClientText | None, _says("The scopes that are asked for, with spaces between them")] = None
    oauth_audience: Annotated[ClientText | None, _says("The audience, which Auth0 and others ask for")] = None
    certificate: Annotated[
        Certificates | None, _says("A client certificate in PEM form, with its chain behind it, for mutual TLS")
    ] = None
    certificate_key: Annotated[
        PrivateKey | None,
        NeverSent(),
        Field(validate_default=True, description="The private key of the certificate in PEM form"),
    ] = None
    authorities: Annotated[
        Certificates | None, _says("Certificates in PEM form of the authorities to trust instead of the usual ones")
    ] = None
    # After a rotation, the old secret signs too, until this time in Unix seconds.
    previous_secret: Annotated[SecretStr | None, Internal(), NeverSent()] = None
    previous_secret_until: Annotated[int, Internal()] = 0

    _token: HeldToken = PrivateAttr(default_factory=HeldToken)

    @field_validator("template")
    @classmethod
    def _has_a_body(cls, template: str | None, info: ValidationInfo) -> str | None:
        if template is not None and info.data.get("method") in METHODS_WITHOUT_BODY:
            raise PydanticCustomError("no_body", "cannot be used with GET or DELETE, which have no body")
        return template

    @field_validator("secret")
    @classmethod
    def _is_of_its_kind(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        is_private_key = reveal(secret).startswith(PRIVATE_KEY_PREFIX)
        if secret and "signature" in info.data and is_private_key != (info.data["signature"] == "v1a"):
            raise PydanticCustomError("kind", "must begin with whsk_ if signature is v1a, and only then")
        return secret

    @field_validator("oauth_token_url")
    @classmethod
    def _is_the_only_authorization(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url and any(name.lower() == "authorization" for name in info.data.get("headers", {})):
            raise PydanticCustomError("twice", "cannot be used with a header Authorization, which the token goes in")
        return url

    @field_validator("oauth_client_secret")
    @classmethod
    def _is_complete(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        url, client_id = (info.data.get(name) for name in ("oauth_token_url", "oauth_client_id"))
        if url and not (secret and client_id):
            raise PydanticCustomError("required", "is required with oauthTokenUrl, and oauthClientId too")
        return secret

    @field_validator("certificate_key")
    @classmethod
    def _is_of_the_certificate(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        pem = info.data.get("certificate")
        if "certificate" not in info.data or (pem is None and key is None):
            return key
        if key is None:
            raise PydanticCustomError("required", f"{REQUIRED} with a certificate")
        if pem is not None and not is_pair(certificates(pem)[0], private_key(reveal(key))):
            raise PydanticCustomError("pair", "is not the key of the first certificate")
        return key

    @property
    def held_token(self) -> HeldToken | None:
        return self._token if self.oauth_token_url else None

    def client_credentials(self) -> ClientCredentials | None:
        if self.oauth_token_url is None:
            return None
        parameters = {"scope": self.oauth_scope, "audience": self.oauth_audience}
        return ClientCredentials(
            self.oauth_token_url,
            self.oauth_client_id or "",
            reveal(self.oauth_client_secret),
            {name: value for name, value in parameters.items() if value},
            in_body=self.oauth_client_auth == "body",
        )

    @cached_property
    def tls_identity(self) -> TlsIdentity | None:
        if self.certificate is None and self.authorities is None:
            return None
        chain, key = (self.certificate or "", reveal(self.certificate_key)) if self.certificate else ("", "")
        return TlsIdentity(chain.encode(), key.encode(), (self.authorities or "").encode())
