"""Which large messages a claim reads, so that those of one owner do not take the memory of a worker. Pure."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .values import LANE_LARGE_BYTES, DeliveryId, IntegrationId


class LargeMessage(NamedTuple):
    """The message of a delivery on a lane, and its size in bytes."""

    delivery: DeliveryId
    lane: IntegrationId
    size: int


def choose_large(messages: Iterable[LargeMessage], most_bytes: int) -> set[DeliveryId]:
    """The deliveries whose messages fit into `most_bytes`, and of each lane into LANE_LARGE_BYTES.

    Of each lane the first ones in order, and at least one if there is room. Which lanes get the room is left to chance:
    each of them gets its turn.
    """
    lanes: defaultdict[IntegrationId, list[LargeMessage]] = defaultdict(list)
    for message in messages:
        lanes[message.lane].append(message)
    chosen: set[DeliveryId] = set()
    for lane in random.sample(list(lanes.values()), len(lanes)):
        lane_bytes = 0
        for message in lane:
            if message.size > most_bytes or (lane_bytes and lane_bytes + message.size > LANE_LARGE_BYTES):
                break
            chosen.add(message.delivery)
            lane_bytes += message.size
            most_bytes -= message.size
    return chosen
