from .connector import Slack

__all__ = ["Slack"]
