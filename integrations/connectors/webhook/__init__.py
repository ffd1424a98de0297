from .connector import DELIVERY_HEADER, EVENT_HEADER, Webhook

__all__ = ["DELIVERY_HEADER", "EVENT_HEADER", "Webhook"]
