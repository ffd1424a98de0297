from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin, with our own site."""

    default_site = "invenicum.operations.site.ConsoleSite"
