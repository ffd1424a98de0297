from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "invenicum.events"
    label = "events"
