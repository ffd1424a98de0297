from django.apps import AppConfig


class InvenicumConfig(AppConfig):
    name = "invenicum"

    def ready(self) -> None:
        from .api import checks  # noqa: F401
