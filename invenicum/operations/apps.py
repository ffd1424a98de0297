from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "invenicum.operations"
    label = "operations"

    def ready(self) -> None:
        from . import checks, watching  # noqa: F401
