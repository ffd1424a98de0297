"""What operators do to many rows at once: each action says first what it would do, and is done after that is confirmed.

An action is made from the query of its page, calls a service of an app, and leaves an entry in the audit trail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AccessToken

from integrations import provider_jobs
from integrations.models import Integration
from integrations.registry import UnknownType
from integrations.registry import get as connector_of
from integrations.services import erase_all
from invenicum.accounts import services as accounts
from invenicum.accounts.models import User
from invenicum.plots import write_count
from oauth_flows.models import Grant
from oauth_flows.revoke import disconnect
from webhooks import holds, replays
from webhooks.models import Delivery, Lane, LaneQuerySet, Replay, TypeHold
from webhooks.services import requeue

from .failure_causes import matching
from .overview import service_name

COUNT_MOST = 10_000  # above, the page says "more than"
RETRY_BATCH_DELIVERIES = 5000  # in one transaction
RETRY_MOST_DELIVERIES = 50_000  # of one action; the rest by the same action again

Query = Mapping[str, str]
Row = TypeVar("Row", bound=Model)


class NotThere(LookupError):
    """What the query names does not exist, or has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an action did: a sentence for the operator and the audit trail, whose data and which type it was about."""

    sentence: str
    owner: User | None = None
    type: str = ""


class ConsoleAction:
    """An action of the console.

    name: in its address. title: of its page, and of its entry in the audit trail. button: the words of the button.
    permission: without which it is refused. erases: whether it cannot be undone.
    """

    name: ClassVar[str]
    title: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    permission: ClassVar[str]
    erases: ClassVar[bool] = False

    def __init__(self, query: Query, operator: User):
        """Raises NotThere."""
        self.operator = operator
        self.read(query)

    def read(self, query: Query) -> None:
        """Takes what it is about from the query of its page. Raises NotThere."""

    def effect(self) -> str:
        """What it would do now, counted, in a sentence. It changes nothing."""
        raise NotImplementedError

    def run(self) -> Done:
        """Does it."""
        raise NotImplementedError


class RetryMatching(ConsoleAction):
    name, title, button = "retry", _("Retry everything that matches"), _("Retry")
    permission = "webhooks.change_delivery"

    def read(self, query: Query) -> None:
        self.type, self.error_class, status = (query.get(name, "") for name in ("type", "error_class", "status_code"))
        if not (self.type and self.error_class):
            raise NotThere
        self.status_code = int(status) if status.isdecimal() else None

    def _chosen(self) -> QuerySet[Delivery]:
        failing = matching(self.type, self.error_class, self.status_code)
        return failing.filter(integration__deleted_at=None).order_by("pk")

    def effect(self) -> str:
        count = self._chosen()[: COUNT_MOST + 1].count()
        return gettext(
            "%(count)s deliveries to %(service)s whose last attempt failed with %(cause)s are sent again."
        ) % {
            "count": _bounded(count),
            "service": service_name(self.type),
            "cause": f"{self.error_class} {self.status_code or ''}".strip(),
        }

    def run(self) -> Done:
        count, last = 0, None
        while count < RETRY_MOST_DELIVERIES:
            batch = self._chosen() if last is None else self._chosen().filter(pk__gt=last)
            ids = list(batch.values_list("pk", flat=True)[:RETRY_BATCH_DELIVERIES])
            if not ids:
                break
            count += requeue(Delivery.objects.filter(pk__in=ids))
            last = ids[-1]
        sentence = ngettext("%(count)s delivery queued again.", "%(count)s deliveries queued again.", count)
        return Done(sentence % {"count": write_count(count)}, type=self.type)


class OfType(ConsoleAction):
    """An action on all integrations of a type."""

    type: str

    def read(self, query: Query) -> None:
        self.type = query.get("type", "")
        try:
            connector_of(self.type)
        except UnknownType:
            raise NotThere from None

    def integrations(self) -> QuerySet[Integration]:
        return Integration.objects.live().without_secrets().filter(type=self.type)

    def of_service(self, sentence: str, count: int) -> str:
        return sentence % {"count": write_count(count), "service": service_name(self.type)}


class HoldType(OfType):
    name, title, button = "hold", _("Hold a service"), _("Hold")
    permission = "webhooks.change_lane"

    def effect(self) -> str:
        return self.of_service(
            gettext(
                "Nothing is sent to the %(count)s integrations with %(service)s until the hold is released. "
                "Their deliveries stay pending; no attempt counts."
            ),
            self.integrations().count(),
        )

    def run(self) -> Done:
        holds.hold(self.type, self.operator)
        return Done(gettext("%(service)s is held.") % {"service": service_name(self.type)}, type=self.type)


class ReleaseType(OfType):
    name, title, button = "release", _("Release a service"), _("Release")
    permission = "webhooks.change_lane"

    def effect(self) -> str:
        count = holds.pending(self.type)[: COUNT_MOST + 1].count()
        sentence = gettext("%(count)s deliveries to %(service)s that are pending are sent now. Circuits are closed.")
        return sentence % {"count": _bounded(count), "service": service_name(self.type)}

    def run(self) -> Done:
        if not TypeHold.objects.filter(type=self.type).exists():
            raise NotThere
        holds.release(self.type)
        return Done(gettext("%(service)s is released.") % {"service": service_name(self.type)}, type=self.type)


class CloseCircuits(OfType):
    name, title, button = "close-circuits", _("Close circuits"), _("Close circuits")
    permission = "webhooks.change_lane"

    def _open(self) -> LaneQuerySet:
        return Lane.objects.with_open_circuit().filter(integration__type=self.type)

    def effect(self) -> str:
        sentence = gettext(
            "The circuits of %(count)s integrations with %(service)s are closed: they are tried at once."
        )
        return self.of_service(sentence, self._open().count())

    def run(self) -> Done:
        count = self._open().close()
        sentence = ngettext("%(count)s circuit closed.", "%(count)s circuits closed.", count)
        return Done(sentence % {"count": count}, type=self.type)


class RegisterHooks(OfType):
    name, title, button = "register-hooks", _("Register hooks again"), _("Register again")
    permission = "integrations.change_integration"

    def effect(self) -> str:
        return self.of_service(
            gettext("The hooks of %(count)s integrations with %(service)s are registered again, in the background."),
            self.integrations().count(),
        )

    def run(self) -> Done:
        count = sum(provider_jobs.register_again(integration.pk) for integration in self.integrations().iterator())
        sentence = ngettext("%(count)s job queued.", "%(count)s jobs queued.", count)
        return Done(sentence % {"count": count}, type=self.type)


class CancelReplay(ConsoleAction):
    name, title, button = "cancel-replay", _("Cancel a replay"), _("Cancel the replay")
    permission, erases = "webhooks.change_delivery", True

    def read(self, query: Query) -> None:
        self.replay = _find(Replay.objects.select_related("integration__owner"), query.get("id", ""))

    def effect(self) -> str:
        pending = Delivery.objects.filter(replay=self.replay, status=Delivery.Status.PENDING)
        sentence = gettext("%(count)s pending deliveries of %(replay)s (%(integration)s) are cancelled.")
        count = _bounded(pending[: COUNT_MOST + 1].count())
        return sentence % {"count": count, "replay": self.replay, "integration": self.replay.integration}

    def run(self) -> Done:
        count = replays.cancel(self.replay)
        sentence = ngettext("%(count)s delivery cancelled.", "%(count)s deliveries cancelled.", count)
        return Done(
            sentence % {"count": write_count(count)}, self.replay.integration.owner, self.replay.integration.type
        )


class RevokeIntegration(ConsoleAction):
    name, title, button = "revoke-integration", _("Revoke an integration"), _("Revoke")
    permission, erases = "integrations.change_integration", True

    def read(self, query: Query) -> None:
        rows = Integration.objects.live().select_related("owner")
        self.integration = _find(rows, query.get("id", ""))

    def effect(self) -> str:
        pending = Delivery.objects.filter(integration=self.integration, status=Delivery.Status.PENDING)
        sentence = gettext(
            "%(integration)s is deleted with its credentials, hooks and tokens; %(count)s pending deliveries are "
            "cancelled."
        )
        return sentence % {"integration": self.integration, "count": _bounded(pending[: COUNT_MOST + 1].count())}

    def run(self) -> Done:
        erase_all(Integration.objects.filter(pk=self.integration.pk))
        sentence = gettext("%(integration)s was revoked.") % {"integration": self.integration}
        return Done(sentence, self.integration.owner, self.integration.type)


class RevokeGrant(ConsoleAction):
    name, title, button = "revoke-grant", _("Revoke a connection"), _("Revoke")
    permission, erases = "oauth_flows.change_grant", True

    def read(self, query: Query) -> None:
        self.grant = _find(Grant.objects.defer("tokens").select_related("integration__owner"), query.get("id", ""))

    def effect(self) -> str:
        sentence = gettext("%(integration)s is disconnected from %(account)s, and its tokens are revoked.")
        return sentence % {"integration": self.grant.integration, "account": self.grant.account}

    def run(self) -> Done:
        integration = self.grant.integration
        disconnect(self.grant)
        sentence = gettext("%(integration)s was disconnected.") % {"integration": integration}
        return Done(sentence, integration.owner, integration.type)


class OfUser(ConsoleAction):
    permission, erases = "accounts.change_user", True

    def read(self, query: Query) -> None:
        self.user = _find(User.objects.all(), query.get("id", ""))


class RevokeTokens(OfUser):
    name, title, button = "revoke-tokens", _("Revoke a user's tokens"), _("Revoke")

    def effect(self) -> str:
        count = AccessToken.objects.filter(user=self.user).count()
        sentence = gettext(
            "%(count)s access tokens of %(user)s are revoked, and their sessions in the portal are ended."
        )
        return sentence % {"count": write_count(count), "user": self.user}

    def run(self) -> Done:
        count = accounts.revoke_access(self.user)
        sentence = ngettext("%(count)s token revoked.", "%(count)s tokens revoked.", count)
        return Done(sentence % {"count": count}, self.user)


class RevokeUser(OfUser):
    name, title, button = "revoke-user", _("Revoke everything of a user"), _("Revoke everything")

    def effect(self) -> str:
        live = Integration.objects.live().filter(owner=self.user).count()
        tokens = AccessToken.objects.filter(user=self.user).count()
        sentence = gettext("%(integrations)s integrations and %(tokens)s access tokens of %(user)s are revoked.")
        return sentence % {"integrations": live, "tokens": write_count(tokens), "user": self.user}

    def run(self) -> Done:
        accounts.revoke_access(self.user)
        count = erase_all(Integration.objects.filter(owner=self.user))
        sentence = ngettext("%(count)s integration revoked.", "%(count)s integrations revoked.", count)
        return Done(sentence % {"count": count}, self.user)


class SendTestMail(ConsoleAction):
    name, title, button = "test-mail", _("Send a test mail"), _("Send")
    permission = "operations.view_sample"

    def read(self, query: Query) -> None:
        if not self.operator.email:
            raise NotThere

    def effect(self) -> str:
        return gettext("A mail is sent to %(address)s, your address.") % {"address": self.operator.email}

    def run(self) -> Done:
        text = gettext("This is a test: mails of the service reach you.")
        send_mail(gettext("Invenicum: test mail"), text, None, [self.operator.email])
        return Done(gettext("The mail was handed to the mail server."))


ACTIONS: Mapping[str, type[ConsoleAction]] = {
    action.name: action
    for action in (
        RetryMatching,
        HoldType,
        ReleaseType,
        CloseCircuits,
        RegisterHooks,
        CancelReplay,
        RevokeIntegration,
        RevokeGrant,
        RevokeTokens,
        RevokeUser,
        SendTestMail,
    )
}


def _bounded(count: int) -> str:
    if count > COUNT_MOST:
        return gettext("More than %(count)s") % {"count": write_count(COUNT_MOST)}
    return write_count(count)


def _find(rows: QuerySet[Row], key: str) -> Row:
    try:
        found = rows.filter(pk=key).first()
    except (ValidationError, ValueError):
        found = None
    if found is None:
        raise NotThere
    return found
