from django.apps import AppConfig


class InvenicumConfig(AppConfig):
    name = "invenicum"
