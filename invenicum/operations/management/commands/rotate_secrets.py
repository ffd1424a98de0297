from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from invenicum.encrypted_fields import EncryptedField


class Command(BaseCommand):
    help = "Encrypts every stored secret again, with the first of FERNET_KEYS, so that the others can be dropped."

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            names = [field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedField)]
            if names:
                count = rotate(model, names)
                self.stdout.write(f"{model._meta.label}: {count} rotated.")


def rotate(model: type[models.Model], names: Iterable[str]) -> int:
    """Writes the encrypted fields `names` of every row again. Returns how many rows there were."""
    count = 0
    for key in model._base_manager.order_by("pk").values_list("pk", flat=True).iterator():
        # One short transaction per row: a save of the same row in the meantime waits for a moment and loses nothing.
        with transaction.atomic():
            row = model._base_manager.select_for_update().filter(pk=key).only(*names).first()
            if row is not None:
                model._base_manager.filter(pk=key).update(**{name: getattr(row, name) for name in names})
                count += 1
    return count
