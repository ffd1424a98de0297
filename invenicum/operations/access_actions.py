"""Actions on integrations, connections and users: registering hooks again, revoking; and the test mail."""

from __future__ import annotations

from django.core.mail import send_mail
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AccessToken

from integrations import provider_jobs
from integrations.models import Integration
from integrations.services import erase_all
from invenicum.accounts import services as accounts
from invenicum.accounts.models import User
from invenicum.plots import write_count
from oauth_flows.models import Grant
from oauth_flows.revoke import disconnect
from webhooks.models import Delivery

from .console_action import COUNT_MOST, ConsoleAction, Done, NotThere, OfType, Query, bounded, find


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


class RevokeIntegration(ConsoleAction):
    name, title, button = "revoke-integration", _("Revoke an integration"), _("Revoke")
    permission, erases = "integrations.change_integration", True

    def read(self, query: Query) -> None:
        rows = Integration.objects.live().select_related("owner")
        self.integration = find(rows, query.get("id", ""))

    def effect(self) -> str:
        pending = Delivery.objects.filter(integration=self.integration, status=Delivery.Status.PENDING)
        sentence = gettext(
            "%(integration)s is deleted with its credentials, hooks and tokens; %(count)s pending deliveries are "
            "cancelled."
        )
        return sentence % {"integration": self.integration, "count": bounded(pending[: COUNT_MOST + 1].count())}

    def run(self) -> Done:
        erase_all(Integration.objects.filter(pk=self.integration.pk))
        sentence = gettext("%(integration)s was revoked.") % {"integration": self.integration}
        return Done(sentence, self.integration.owner, self.integration.type)


class RevokeGrant(ConsoleAction):
    name, title, button = "revoke-grant", _("Revoke a connection"), _("Revoke")
    permission, erases = "oauth_flows.change_grant", True

    def read(self, query: Query) -> None:
        self.grant = find(Grant.objects.defer("tokens").select_related("integration__owner"), query.get("id", ""))

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
        self.user = find(User.objects.all(), query.get("id", ""))


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
