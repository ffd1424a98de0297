from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "invenicum.accounts"
    label = "accounts"

    def ready(self) -> None:
        from . import openapi  # noqa: F401
