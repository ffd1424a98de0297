from django.apps import AppConfig


class OAuthFlowsConfig(AppConfig):
    name = "oauth_flows"
    verbose_name = "OAuth connections"

    def ready(self) -> None:
        from integrations.grants import register

        from . import checks, receivers  # noqa: F401
        from .grants import OAuthGrants

        register(OAuthGrants())
