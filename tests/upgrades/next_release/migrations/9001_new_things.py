"""What is quick: a column with a default, a table, and a constraint that existing rows are not checked for yet."""

from typing import ClassVar

from invenicum.postgresql.operations import AddConstraintNotValid
from django.db import migrations, models

from tests.upgrades.next_release.latest import LATEST


class Migration(migrations.Migration):
    dependencies: ClassVar = [LATEST]
    operations: ClassVar = [
        migrations.AddField("delivery", "region", models.CharField(max_length=20, null=True, db_default="eu")),
        migrations.CreateModel(
            "DeliveryNote",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("delivery", models.ForeignKey("webhooks.Delivery", models.CASCADE, related_name="+")),
                ("text", models.TextField()),
            ],
        ),
        AddConstraintNotValid(
            "delivery", models.CheckConstraint(condition=models.Q(attempt_count__lte=1000), name="few_attempts")
        ),
    ]
