from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "webhooks"

    def ready(self) -> None:
        from integrations import missed as missed_events
        from invenicum.accounts.usage import Meter, register
        from invenicum.quotas import PENDING_BYTES

        from . import backlog, missed, receivers  # noqa: F401

        register(Meter(PENDING_BYTES, backlog.pending_bytes, backlog.owners_with_pending))
        missed_events.register(missed.missed_until_now)
