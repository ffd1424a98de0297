"""An index of a table that is written all the time."""

from typing import ClassVar

from invenicum.postgresql.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("webhooks", "9002_check_rows")]
    operations: ClassVar = [AddIndexConcurrently("delivery", models.Index(fields=["region"], name="delivery_region"))]
