from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """Who did what, from where, to what, and when. Never changed. Values of settings and secrets are in none.

    Publishing and delivering are not in it: the delivery log has them.
    """

    MAX_TARGET_LENGTH, MAX_ACCOUNT_LENGTH, MAX_DETAIL_LENGTH = 200, 255, 500

    class Action(models.TextChoices):
        SIGNED_IN = "signed_in", "signed in"
        SIGN_IN_FAILED = "sign_in_failed", "failed to sign in"
        SIGN_IN_LOCKED = "sign_in_locked", "signing in was locked"
        SESSION_ENDED = "session_ended", "ended a session"
        FACTOR_ADDED = "factor_added", "added a second factor"
        FACTOR_REMOVED = "factor_removed", "removed a second factor"
        FACTOR_FAILED = "factor_failed", "gave a wrong code of the second factor"
        RECOVERY_CODE_USED = "recovery_code_used", "signed in with a recovery code"
        TOKEN_MADE = "token_made", "made a token"
        TOKEN_REVOKED = "token_revoked", "revoked a token"
        PORTAL_LINK_MADE = "portal_link_made", "made a link to the portal"
        PORTAL_OPENED = "portal_opened", "opened the portal with a link"
        ACCOUNT_REMOVED = "account_removed", "removed an account"
        INTEGRATION_SAVED = "integration_saved", "saved an integration"
        INTEGRATION_PAUSED = "integration_paused", "paused an integration"
        INTEGRATION_RESUMED = "integration_resumed", "resumed an integration"
        INTEGRATION_DELETED = "integration_deleted", "deleted an integration"
        SECRET_SHOWN = "secret_shown", "was shown a signing secret"
        SECRET_ROTATED = "secret_rotated", "replaced a signing secret"
        CONNECTED = "connected", "connected"
        RECONNECTED = "reconnected", "reconnected"
        CONNECT_FAILED = "connect_failed", "could not connect"
        CONSENTED = "consented", "consented, to be confirmed by the app"
        NOT_CONFIRMED = "not_confirmed", "not confirmed by the app"
        REFRESH_FAILED = "refresh_failed", "refresh failed"
        REFUSED = "refused", "refused by the provider"
        DISCONNECTED = "disconnected", "disconnected"
        REVOKED = "revoked", "revoked at the provider"
        REVOCATION_GIVEN_UP = "revocation_given_up", "revocation given up"
        REPLAY_STARTED = "replay_started", "started a replay or backfill"
        REPLAY_CANCELLED = "replay_cancelled", "cancelled a replay or backfill"
        EXPORTED = "exported", "exported what exists"
        SUPPORT_VIEW_OPENED = "support_view_opened", "opened the portal as a user"
        SUPPORT_VIEW_ENDED = "support_view_ended", "ended a support view"
        ADDED = "added", "added in the admin"
        CHANGED = "changed", "changed in the admin"
        DELETED = "deleted", "deleted in the admin"
        STAFF_ACTION = "staff_action", "action of staff"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=20, choices=Action)
    # What it was done to, as `integration:0197…`, `accesstoken:12` or `user:user-456`; empty if `type` says enough.
    target = models.CharField(max_length=MAX_TARGET_LENGTH, blank=True, db_index=True)
    type = models.CharField(max_length=40, blank=True)  # of the integration
    account = models.CharField(max_length=MAX_ACCOUNT_LENGTH, blank=True)  # at the provider
    # Whose data it is about.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # Null if the service itself acted, a command on its machine, or a person who is not known.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # The name stays when the actor's account is removed.
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, db_index=True)
    detail = models.CharField(max_length=MAX_DETAIL_LENGTH, blank=True)
    request_id = models.CharField(max_length=128, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.type} {self.get_action_display()}".strip()
