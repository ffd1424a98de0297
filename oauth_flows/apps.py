from django.apps import AppConfig


class OAuthFlowsConfig(AppConfig):
    name = "oauth_flows"
    verbose_name = "OAuth connections"
