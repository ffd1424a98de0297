from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "invenicum.audit"
    label = "audit"
