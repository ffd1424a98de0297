from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "invenicum.portal"
    label = "portal"

    def ready(self) -> None:
        from . import checks, inboxes  # noqa: F401
