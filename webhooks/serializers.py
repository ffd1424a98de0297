"""What the delivery API reads and writes."""

from typing import Any, get_args

from drf_spectacular.utils import extend_schema_field
from pydantic import TypeAdapter, ValidationError
from rest_framework.serializers import SerializerMethodField

from integrations.core.errors import ErrorClass
from invenicum.api.serializers import (
    BooleanField,
    ChoiceField,
    IntegerField,
    ListField,
    ObjectField,
    StrictSerializer,
    TextField,
    TimestampField,
)
from invenicum.events.models import Event
from invenicum.events.serializers import EventSerializer

from .event_status import NOT_SENT, outcomes_of
from .models import DELIVERY_FAILED, Delivery, Lane, Replay

DELIVERY_STATUSES = tuple(Delivery.Status.values)
TEXT_WITHOUT_NUL = r"^[^\x00]*$"


class LenientBooleanField(BooleanField):
    """A boolean, also in the forms in which HTML forms and older clients send it: `"true"`, `"on"`, `1`."""

    default_error_messages = {"unreadable": "must be a boolean, unable to interpret input"}
    _reader = TypeAdapter(bool)

    def to_internal_value(self, data: Any) -> bool:
        try:
            return self._reader.validate_python(data)
        except ValidationError as error:
            self.fail("unreadable" if error.errors()[0]["type"] == "bool_parsing" else "invalid")


class DeliveryFilterSerializer(StrictSerializer):
    """The filters of the delivery log, read as lookups of a queryset of deliveries."""

    type = TextField(
        source="integration__type",
        pattern=TEXT_WITHOUT_NUL,
        says="must not contain a NUL character",
        required=False,
        help_text="The type of the integration.",
    )
    status = ChoiceField(DELIVERY_STATUSES, component_name="DeliveryStatus", required=False)
    event = TextField(
        source="event__name",
        pattern=TEXT_WITHOUT_NUL,
        says="must not contain a NUL character",
        required=False,
        help_text="The name of the event.",
    )
    since = TimestampField(source="created_at__gte", required=False, help_text="Created at this time or later.")
    until = TimestampField(source="created_at__lt", required=False, help_text="Created before this time.")


class DeliverySerializer(StrictSerializer):
    """A delivery as the log shows it."""

    id = TextField(source="public_id")
    type = TextField(source="integration.type")
    event = TextField(source="event.name")
    event_id = TextField(source="event.public_id")
    status = ChoiceField(DELIVERY_STATUSES, component_name="DeliveryStatus")
    attempt_count = IntegerField(source="attempts_made")
    created_at = TimestampField()
    next_attempt_at = TimestampField(source="due_at", allow_null=True)
    finished_at = TimestampField(allow_null=True)
    error = ChoiceField((DELIVERY_FAILED,), component_name="DeliveryError", source="error_code", allow_null=True)
    message = TextField(blank_as_null=True)
    backfilled = BooleanField(help_text="Whether a backfill made it, later than its event.")


class AttemptSerializer(StrictSerializer):
    """One try of a delivery."""

    number = IntegerField()
    started_at = TimestampField()
    duration_ms = IntegerField()
    status_code = IntegerField(allow_null=True)
    error_class = ChoiceField(get_args(ErrorClass), component_name="AttemptErrorClass", blank_as_null=True)
    error = TextField(blank_as_null=True)
    response_excerpt = TextField(blank_as_null=True)


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with its payload and attempts."""

    payload = ObjectField(source="event.payload")
    attempts = AttemptSerializer(source="numbered_attempts", many=True)


class EventOutcomeSerializer(StrictSerializer):
    """What became of an event at one integration."""

    type = TextField(source="integration.type")
    outcome = ChoiceField((*DELIVERY_STATUSES, NOT_SENT), component_name="EventOutcomeName")
    reason = TextField(blank_as_null=True)
    delivery_id = TextField(source="delivery.public_id", allow_null=True)
    waits_until = TimestampField(allow_null=True)
    backfilled = BooleanField(help_text="Whether a backfill made the delivery.")


class EventDetailSerializer(EventSerializer):
    """An event, and what became of it at each of its owner's integrations."""

    integrations = SerializerMethodField()

    @extend_schema_field(EventOutcomeSerializer(many=True))
    def get_integrations(self, event: Event) -> Any:
        return EventOutcomeSerializer(outcomes_of(event), many=True).data


class HealthSerializer(StrictSerializer):
    """The health of the deliveries to one integration."""

    circuit = ChoiceField(Lane.CIRCUIT_STATES, component_name="CircuitState")
    failures_in_a_row = IntegerField(source="failures")
    held_until = TimestampField(allow_null=True)
    failing_since = TimestampField(allow_null=True)
    pending = IntegerField()
    waiting = IntegerField()
    oldest_pending = TimestampField(allow_null=True)


class NewReplaySerializer(StrictSerializer):
    """The deliveries to send again: those created in [since, until) that ended in one of the statuses."""

    since = TimestampField()
    until = TimestampField(default=None, allow_null=True)
    status = ListField(
        source="statuses",
        child=ChoiceField(DELIVERY_STATUSES, component_name="DeliveryStatus"),
        min_length=1,
        default=[Delivery.Status.FAILED.value],
    )
    dry_run = LenientBooleanField(default=False)


class StartedReplaySerializer(StrictSerializer):
    """How many deliveries a replay sends again. Without an id after a dry run."""

    id = TextField(source="public_id", allow_null=True)
    count = IntegerField(source="total")


class NewBackfillSerializer(StrictSerializer):
    """`missed`: the events published in [since, until) that have no delivery; `existing`: the assets created then."""

    what = ChoiceField((Replay.What.MISSED.value, Replay.What.EXISTING.value), component_name="BackfillKind")
    since = TimestampField(default=None, allow_null=True, help_text="Null for all that there is.")
    until = TimestampField(default=None, allow_null=True, help_text="Null for now.")
    dry_run = LenientBooleanField(default=False)


class BackfillSerializer(StrictSerializer):
    """How many deliveries a backfill makes, and of which range. Without an id after a dry run.

    If `isExact` is false, counting took too long: there are more. `message` says what cannot be sent.
    """

    id = TextField(source="public_id", allow_null=True)
    what = ChoiceField((Replay.What.MISSED.value, Replay.What.EXISTING.value), component_name="BackfillKind")
    count = IntegerField(source="total")
    is_exact = BooleanField(source="total_is_exact")
    since = TimestampField()
    until = TimestampField()
    message = TextField(blank_as_null=True)


class ReplaySerializer(StrictSerializer):
    """The progress of a replay or a backfill: `queued` of `count` deliveries, and how many of these have each status.

    `what` is `again` for a replay.
    """

    id = TextField(source="public_id")
    type = TextField(source="integration.type")
    state = ChoiceField(tuple(Replay.State.values), component_name="ReplayState")
    count = IntegerField(source="total")
    queued = IntegerField()
    pending = IntegerField()
    delivered = IntegerField()
    failed = IntegerField()
    cancelled = IntegerField()
    what = ChoiceField(tuple(Replay.What.values), component_name="ReplayKind")
