from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "invenicum.staff"
    label = "staff"
