"""Checks the rows that exist, which takes long and keeps no other transaction waiting."""

from typing import ClassVar

from invenicum.postgresql.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("webhooks", "9001_new_things")]
    operations: ClassVar = [ValidateConstraint("delivery", "few_attempts")]
