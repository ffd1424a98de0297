from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "invenicum.demo"
    label = "demo"
