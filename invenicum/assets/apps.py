from django.apps import AppConfig


class AssetsConfig(AppConfig):
    name = "invenicum.assets"
    label = "assets"

    def ready(self) -> None:
        from invenicum.accounts.usage import Meter, register
        from invenicum.quotas import ASSETS

        from .services import count_of, owners_of

        register(Meter(ASSETS, count_of, owners_of))
