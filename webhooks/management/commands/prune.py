from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from ...retention import prune


class Command(BaseCommand):
    help = "Deletes events, with their deliveries and attempts, that are older than the retention time."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--days", type=float, default=settings.RETENTION_DAYS, help="days that events are kept")

    def handle(self, *args: Any, days: float, **options: Any) -> None:
        count = prune(timezone.now() - timedelta(days=days))
        self.stdout.write(f"{count} events deleted.")
