from django.apps import AppConfig


class AssetsConfig(AppConfig):
    name = "invenicum.assets"
    label = "assets"
