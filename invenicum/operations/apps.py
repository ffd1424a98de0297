from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "invenicum.operations"
    label = "operations"
