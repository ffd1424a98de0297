from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "invenicum.accounts"
    label = "accounts"

    def ready(self) -> None:
        from . import checks, openapi  # noqa: F401
