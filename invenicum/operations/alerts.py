"""Alerts: what is wrong is kept as a row, and operators are told once when it begins and once when it ends.

Whichever process takes the sample of a minute applies the rules (`watching`): one of the engine's, or a web process if
the engine stands still. If no process runs at all, or the database is away, only Prometheus notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from invenicum.mail import send_to_operators

from . import alert_hook, alert_snapshot
from .alert_rules import Finding, find
from .models import Alert, Sample

# An alert ends when it was not found for so long: what comes and goes is told once.
CALM_BEFORE_END = timedelta(minutes=3)
ENDED_KEPT = timedelta(days=90)

log = structlog.get_logger(__name__)


def evaluate(now: datetime, sample: Sample) -> None:
    """Applies the rules, and tells operators what has begun and what has ended. sample: the newest one."""
    note(now, find(alert_snapshot.take(now, sample)))
    tell()


def note(now: datetime, findings: Sequence[Finding]) -> None:
    """Writes what was found: begins and ends alerts."""
    found = {(finding.rule, finding.subject): finding for finding in findings}
    with transaction.atomic():
        for alert in Alert.objects.open().select_for_update():
            finding = found.pop((alert.rule, alert.subject), None)
            if finding:
                alert.found_at, alert.figures = now, dict(finding.figures)
            elif now - alert.found_at >= CALM_BEFORE_END:
                alert.ended_at = now
            alert.save(update_fields=["found_at", "figures", "ended_at"])
        begun = [
            Alert(rule=one.rule, subject=one.subject, figures=dict(one.figures), since=now, found_at=now)
            for one in found.values()
        ]
        Alert.objects.bulk_create(begun, ignore_conflicts=True)  # another process may have found the same
        Alert.objects.filter(ended_at__lt=now - ENDED_KEPT).delete()


def tell() -> None:
    """Sends one mail, and one request to the webhook for each, about what has begun and not been told; then of ends."""
    # Marked before it is sent: of several processes one sends it. An alert that ended before it was told is not told.
    begun = [alert for alert in Alert.objects.open().filter(begin_told=False) if _marks(alert, begin_told=True)]
    ended = Alert.objects.filter(ended_at__isnull=False, begin_told=True, end_told=False)
    over = [alert for alert in ended if _marks(alert, end_told=True)]
    if begun:
        _send("alert.started", begun, gettext("alert: %(what)s"))
    if over:
        _send("alert.ended", over, gettext("over: %(what)s"))


def _marks(alert: Alert, **mark: bool) -> bool:
    """Whether this process is the one that tells of it."""
    return Alert.objects.filter(pk=alert.pk, **dict.fromkeys(mark, False)).update(**mark) == 1


def _send(event: str, alerts: Sequence[Alert], subject: str) -> None:
    console = gettext("The console: %(address)s") % {"address": f"{settings.PUBLIC_URL}/admin/"}
    log.warning(event.replace(".", "_"), alerts=[str(alert) for alert in alerts])
    send_to_operators(subject % {"what": alerts[0].sentence}, "\n\n".join([*map(_paragraph, alerts), f"{console}\n"]))
    for alert in alerts:
        alert_hook.send(event, alert)


def _paragraph(alert: Alert) -> str:
    if alert.ended_at is None:
        return f"{alert.sentence} {alert.advice}"
    since = gettext("It began at %(moment)s UTC.") % {"moment": f"{alert.since:%Y-%m-%d %H:%M}"}
    return f"{alert.sentence} {since}"
