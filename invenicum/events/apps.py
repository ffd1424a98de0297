from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class EventsConfig(AppConfig):
    name = "invenicum.events"
    label = "events"

    def ready(self) -> None:
        from . import renumbering

        connection_created.connect(renumbering.on_connected)
        post_migrate.connect(renumbering.on_migrated, sender=self)
