from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from oauth2_provider.models import AbstractApplication, ApplicationManager

from invenicum.encrypted_fields import EncryptedJSONField

from .public_ids import INVENICUM_USERNAME_PREFIX, LOCAL_MARK, MAX_ACCOUNT_ID, generate_local_id, public_id_of
from .redirect_uris import redirect_uri_refusal
from .scopes import SERVICE_SCOPES, user_scopes_text

_IS_LOCAL = Q(account_id__startswith=LOCAL_MARK)
_HAS_INVENICUM_NAME = Q(username__startswith=INVENICUM_USERNAME_PREFIX)


class User(AbstractUser):  # type: ignore[django-manager-missing]  # the toolkit names the relation
    """A person or a service, with the id of their account outside.

    `account_id` is Invenicum's own id for a user of an Invenicum token or one who is named as an owner, and a
    generated one for a user who was created here. The primary key never leaves this service.
    """

    account_id = models.CharField(max_length=MAX_ACCOUNT_ID, unique=True, default=generate_local_id, editable=False)

    # If an account of this id was removed before: until when tokens of Invenicum are refused for being older.
    removed_before = models.DateTimeField(null=True, editable=False)

    mail_alerts = models.BooleanField(default=True, help_text="Whether mails say what fails, and what has to be done.")

    class Meta(AbstractUser.Meta):
        permissions = [("see_as_user", "Can see the portal as a user")]
        constraints = [
            # A user of Invenicum has a name that no user who is created here can have, and the other way round.
            models.CheckConstraint(
                condition=(_IS_LOCAL & ~_HAS_INVENICUM_NAME) | (_HAS_INVENICUM_NAME & ~_IS_LOCAL),
                name="local_or_invenicum_user",
            )
        ]

    @property
    def public_id(self) -> str:
        """`user-456`."""
        return public_id_of(self.account_id)


class RemovedAccount(models.Model):
    """That an account was removed, and when: a token of Invenicum from before must not create it again."""

    account_digest = models.CharField(max_length=64, primary_key=True)  # SHA-256 of the account id
    removed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"account removed {self.removed_at:%Y-%m-%d %H:%M}"


class SignInAttempts(models.Model):
    """Failed attempts to sign in, of an account at an address, of an account (no address), or of an address."""

    MAX_ACCOUNT_LENGTH = 150

    class Kind(models.TextChoices):
        USER = "user", "user name and password"
        APPLICATION = "application", "client id and secret"

    kind = models.CharField(max_length=11, choices=Kind)
    # As it was typed: such a user or application need not exist.
    account = models.CharField(max_length=MAX_ACCOUNT_LENGTH, blank=True)
    address = models.CharField(max_length=43, blank=True)  # with IPv6 a network
    failures = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(help_text="When the first of these failures was counted.")
    locked_until = models.DateTimeField(null=True, blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True, help_text="When the account last signed in from here.")

    class Meta:
        verbose_name = verbose_name_plural = "sign-in attempts"
        constraints = [models.UniqueConstraint(fields=["kind", "account", "address"], name="one_count_of_attempts")]

    def __str__(self) -> str:
        return f"{self.account or 'any account'} at {self.address or 'any address'}"


class IdempotencyKey(models.Model):
    """The answer to a request that carried an `Idempotency-Key`, kept for 24 hours."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    # All are null until the request has been carried out, in the same transaction.
    status = models.PositiveSmallIntegerField(null=True)
    # Encrypted, because some answers show a signing secret.
    body = EncryptedJSONField(null=True, editable=False)
    # The JSON of an answer that is known to show none. Instead of `body`: encrypting takes as long as publishing.
    plain_body = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"idempotency key {self.pk}"


class Application(AbstractApplication):
    """A program that gets access tokens: a service, which acts as its service account, or an app, which acts for the
    users who agree.

    `user` is the service account. `allowed_scopes` are what its tokens can have, as OAuth writes them.
    """

    class Kind(models.TextChoices):
        SERVICE = "service", "Service: has a secret, acts as its service account (client credentials)"
        WEB_APP = "web", "App on a server: has a secret, users sign in (authorization code with PKCE)"
        PUBLIC_APP = "public", "App on a phone, a desktop or in a browser: no secret, users sign in (the same)"

    # Client type and grant type of each kind. Other pairs are not supported.
    KINDS: Mapping[Kind, tuple[str, str]] = {
        Kind.SERVICE: (AbstractApplication.CLIENT_CONFIDENTIAL, AbstractApplication.GRANT_CLIENT_CREDENTIALS),
        Kind.WEB_APP: (AbstractApplication.CLIENT_CONFIDENTIAL, AbstractApplication.GRANT_AUTHORIZATION_CODE),
        Kind.PUBLIC_APP: (AbstractApplication.CLIENT_PUBLIC, AbstractApplication.GRANT_AUTHORIZATION_CODE),
    }

    allowed_scopes = models.TextField(default=user_scopes_text, blank=True)
    objects = ApplicationManager()

    @property
    def kind(self) -> Kind | None:
        pair = (self.client_type, self.authorization_grant_type)
        return next((kind for kind, its in self.KINDS.items() if its == pair), None)

    @kind.setter
    def kind(self, kind: Kind) -> None:
        self.client_type, self.authorization_grant_type = self.KINDS[kind]

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that its tokens can have. Those for services are for services only."""
        chosen = frozenset(self.allowed_scopes.split())
        return chosen if self.kind is self.Kind.SERVICE else chosen - SERVICE_SCOPES

    def is_usable(self, request: Any) -> bool:
        """Whether it gets tokens, and its tokens are accepted. The toolkit calls this before anything else."""
        if self.kind is self.Kind.SERVICE:
            return self.user is not None and self.user.is_active
        return self.kind is not None

    def get_allowed_schemes(self) -> list[str]:
        """The schemes of its own redirect URIs, which `clean` has validated."""
        return sorted({uri.partition(":")[0].lower() for uri in self.redirect_uris.split()})

    def redirect_uri_allowed(self, uri: str) -> bool:
        return redirect_uri_refusal(uri) is None and super().redirect_uri_allowed(uri)

    def clean(self) -> None:
        """Raises ValidationError with what is wrong at each field."""
        errors: dict[str, list[str]] = {}
        refused = {uri: redirect_uri_refusal(uri) for uri in self.redirect_uris.split()}
        uris = [f"{uri}: it {refusal}." for uri, refusal in refused.items() if refusal]
        if self.kind is self.Kind.SERVICE:
            if self.user is None:
                errors["user"] = ["A service needs a service account: its requests are made as that user."]
            elif not self.user.is_active:
                errors["user"] = ["This account is not active: the service's tokens would be refused."]
            if refused:
                uris = ["A service has no redirect URI: no browser is sent back to it."]
        elif not refused:
            uris = ["An app needs a redirect URI, to which its users are sent back."]
        if uris:
            errors["redirect_uris"] = uris
        if self.kind is not self.Kind.SERVICE and (wrong := SERVICE_SCOPES & set(self.allowed_scopes.split())):
            errors["allowed_scopes"] = [f"Only a service may have {' and '.join(sorted(wrong))}."]
        if errors:
            raise ValidationError(errors)


class OfPortal(models.Model):
    """What a link to the portal and the session that it opens have in common.

    Both end with the token that the link was asked for with; `token_checksum` is empty for a token of Invenicum, which
    cannot be revoked, and `token_expires_at` for no token at all.
    """

    class Theme(models.TextChoices):
        SYSTEM = "system", "what the system says"
        LIGHT = "light"
        DARK = "dark"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    scopes = models.TextField(blank=True)  # as OAuth writes them
    token_checksum = models.CharField(max_length=64, blank=True)
    token_expires_at = models.DateTimeField(null=True)
    read_only = models.BooleanField(default=False)
    embed = models.BooleanField(default=False, help_text="In a frame of a page of another site.")
    return_url = models.CharField(max_length=2000, blank=True)
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM)
    accent = models.CharField(max_length=7, blank=True)  # "#2456d6"
    lang = models.CharField(max_length=5, blank=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        abstract = True


class PortalLink(OfPortal):
    """A one-time link to the portal. Once it is used or has expired, it still says where its user came from."""

    code_digest = models.CharField(max_length=64, primary_key=True)
    path = models.CharField(max_length=500, default="/", help_text="Of the page that it opens, below /portal.")
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"portal link of {self.owner.public_id}"


class OpenedBy(models.Model):
    """From where a session was opened, and with which browser, so that its user recognizes it."""

    MAX_BROWSER_LENGTH = 300

    address = models.GenericIPAddressField(null=True, editable=False)
    browser = models.CharField(max_length=MAX_BROWSER_LENGTH, blank=True, editable=False)  # its User-Agent

    class Meta:
        abstract = True


class BrowserSession(OpenedBy, AbstractBaseSession):
    """A session of a browser, in which a user may have signed in (`session_store`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    opened_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"session of {self.user}"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from .session_store import SessionStore

        return SessionStore


class PortalSession(OpenedBy, OfPortal):
    """A browser that opened a link to the portal, or a member of staff who looks at it as the owner."""

    key_digest = models.CharField(max_length=64, primary_key=True)
    opened_at = models.DateTimeField()
    supporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")

    def __str__(self) -> str:
        return f"portal session of {self.owner.public_id}"
