"""What no release may do at once: today's workers read this column."""

from typing import ClassVar

from django.db import migrations

from tests.upgrades.next_release.latest import LATEST


class Migration(migrations.Migration):
    dependencies: ClassVar = [LATEST]
    operations: ClassVar = [migrations.RemoveField("delivery", "attempt_count")]
