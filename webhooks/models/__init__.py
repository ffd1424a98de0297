"""The models of deliveries, a file for each subject."""

from .deliveries import DELIVERY_FAILED, Attempt, Delivery
from .heartbeats import EngineHeartbeat
from .hourly_sums import HourlySum
from .inbound import InboundEvent, InboundKey
from .lanes import Lane, LaneQuerySet, TypeHold
from .replays import Replay

__all__ = [
    "DELIVERY_FAILED",
    "Attempt",
    "Delivery",
    "EngineHeartbeat",
    "HourlySum",
    "InboundEvent",
    "InboundKey",
    "Lane",
    "LaneQuerySet",
    "Replay",
    "TypeHold",
]
