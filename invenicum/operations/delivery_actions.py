"""Actions on deliveries and lanes: retrying, holding and releasing, closing circuits, cancelling replays."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from invenicum.plots import write_count
from webhooks import holds, replays
from webhooks.models import Delivery, Lane, LaneQuerySet, Replay, TypeHold
from webhooks.services import requeue

from .console_action import COUNT_MOST, ConsoleAction, Done, NotThere, OfType, Query, bounded, find
from .failure_causes import matching
from .overview import service_name

RETRY_BATCH_DELIVERIES = 5000  # in one transaction
RETRY_MOST_DELIVERIES = 50_000  # of one action; the rest by the same action again


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
            "count": bounded(count),
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
        return sentence % {"count": bounded(count), "service": service_name(self.type)}

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


class CancelReplay(ConsoleAction):
    name, title, button = "cancel-replay", _("Cancel a replay"), _("Cancel the replay")
    permission, erases = "webhooks.change_delivery", True

    def read(self, query: Query) -> None:
        self.replay = find(Replay.objects.select_related("integration__owner"), query.get("id", ""))

    def effect(self) -> str:
        pending = Delivery.objects.filter(replay=self.replay, status=Delivery.Status.PENDING)
        sentence = gettext("%(count)s pending deliveries of %(replay)s (%(integration)s) are cancelled.")
        count = bounded(pending[: COUNT_MOST + 1].count())
        return sentence % {"count": count, "replay": self.replay, "integration": self.replay.integration}

    def run(self) -> Done:
        count = replays.cancel(self.replay)
        sentence = ngettext("%(count)s delivery cancelled.", "%(count)s deliveries cancelled.", count)
        return Done(
            sentence % {"count": write_count(count)}, self.replay.integration.owner, self.replay.integration.type
        )
