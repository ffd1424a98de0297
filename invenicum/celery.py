"""The Celery application: `celery -A invenicum worker`, `celery -A invenicum beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "invenicum.settings")

app = Celery("invenicum")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
