from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "invenicum.accounts"
    label = "accounts"

    def ready(self) -> None:
        from . import browser_sessions, openapi, receivers, sign_in_limits  # noqa: F401
