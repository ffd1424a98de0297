"""Whether an account may publish now. Asked where requests come in; what operators do in the admin is not refused."""

from collections.abc import Mapping

from invenicum.metering import RateMeter
from invenicum.per_process import PerProcess
from invenicum.quotas import EVENTS_PER_MINUTE

from .models import Event
from .signals import events_offered

_minutes = PerProcess(lambda: RateMeter(EVENTS_PER_MINUTE))


def admit(events: Mapping[int, int], *, may_query: bool = True) -> None:
    """Counts events that are about to be published, all or none; it needs no query.

    `events`: how many, by the primary key of their owner. `may_query`: if not, events are refused about which the
    database has to be asked, which is rare. Raises QuotaExceeded, which names the owners at fault.
    """
    events_offered.send(sender=Event, owners=events.keys(), may_query=may_query)
    _minutes.get().spend(events)
