from .connector import Webhook
from .request import DELIVERY_HEADER, EVENT_HEADER

__all__ = ["DELIVERY_HEADER", "EVENT_HEADER", "Webhook"]
