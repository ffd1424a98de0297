"""Sending afterwards and again: a range is counted, confirmed, watched and cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations import lookups, registry
from invenicum.api.throttling import BackfillThrottle
from invenicum.ids import moment_of, parse_public_id
from invenicum.quotas import QuotaExceeded
from webhooks import backfills, replays
from webhooks.delivery_log import COUNT_MOST
from webhooks.models import Delivery, Replay

from .deliveries import CHANGE, SEE
from .delivery_filters import read_time
from .directory import monogram
from .limits import seconds_to_wait
from .numbers import count
from .pages import SeeOther, portal_page, render, too_often
from .visitors import Visitor

SHOWN_REPLAYS = 5
COUNT_MISSED_MAX_SECONDS = 0.1  # after which a page says "at least"
What, Status = Replay.What, Delivery.Status
WHAT_WORDS: dict[str, str | Promise] = {
    What.MISSED: gettext_lazy("Events that it missed"),
    What.EXISTING: gettext_lazy("The assets that exist"),
    What.AGAIN: gettext_lazy("Deliveries once more"),
}
WHAT_HINTS: dict[str, str | Promise] = {
    What.MISSED: gettext_lazy(
        "What happened while it was paused, stopped, or not connected yet. Nothing goes there twice."
    ),
    What.EXISTING: gettext_lazy("A snapshot of each asset that was made in the range."),
    What.AGAIN: gettext_lazy("What was sent in the range and ended in one of the states below."),
}
STATUS_WORDS: dict[str, str | Promise] = {
    Status.FAILED: gettext_lazy("failed"),
    Status.CANCELLED: gettext_lazy("cancelled"),
    Status.DELIVERED: gettext_lazy("delivered"),
    Status.PENDING: gettext_lazy("on its way or waiting"),
}


LABELS: dict[str, str | Promise] = {
    "what": gettext_lazy("What"),
    "since": gettext_lazy("From"),
    "until": gettext_lazy("Until"),
    "status": gettext_lazy("States"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form asks for. `texts`: its times as they were typed. `problems`: what cannot be read, by field."""

    what: str
    since: datetime | None
    until: datetime | None
    statuses: list[str]
    texts: Mapping[str, str]
    problems: Mapping[str, str | Promise]

    @classmethod
    def of(cls, given: Any) -> Asked:
        """Reads a query or a form. Without anything it asks for what was missed."""
        problems: dict[str, str | Promise] = {}
        texts = {name: str(given.get(name, "")).strip() for name in ("since", "until")}
        times: dict[str, datetime | None] = {}
        for name, text in texts.items():
            try:
                times[name] = read_time(text)
            except ValueError:
                problems[name] = _("This is not a date and a time, for example 2026-03-07 10:30.")
        what = str(given.get("what", What.MISSED))
        if what not in What.values:
            what, problems["what"] = What.MISSED, _("Choose one of these.")
        statuses = [one for one in given.getlist("status") if one in Status.values]
        if not statuses and what == What.AGAIN:
            problems["status"] = _("Choose at least one.")
        since, until = times.get("since"), times.get("until")
        if since and until and since >= until:
            problems["until"] = _("This is not after the beginning.")
        return cls(what, since, until, statuses, texts, problems)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many deliveries there would be, in a sentence; `note`: what the owner should know of it."""

    total: int
    sentence: str
    note: str


@portal_page(get=SEE, post=CHANGE)
def show(request: HttpRequest, visitor: Visitor, integration_type: str) -> HttpResponseBase:
    """The form; with `?count=1` how many there would be, to be confirmed. POST begins it."""
    integration = lookups.find(visitor.user, integration_type)
    is_sent = request.method == "POST"
    given = request.POST if is_sent else request.GET
    asked = Asked.of(given)
    problems, problem, counted, status = dict(asked.problems), "", None, 200
    if not (is_sent or "count" in given):
        problems = {}
    elif problems:
        status = 422 if is_sent else 200
    else:
        if asked.what != What.AGAIN and (seconds := seconds_to_wait(BackfillThrottle, visitor.user)):
            return too_often(request, visitor, seconds)
        try:
            if is_sent:
                return SeeOther(reverse("portal-replay", args=[_start(visitor, integration_type, asked)]))
            counted = _count(visitor, integration_type, asked)
        except backfills.NotPossible as error:
            problems["what"], status = str(error), 422
        except QuotaExceeded as error:
            problem, status = error.message, 429
    connector = registry.get(integration_type)
    context = {
        "title": _("Bring %(name)s up to date") % {"name": connector.name},
        "connector": connector,
        "monogram": monogram(connector),
        "asked": asked,
        "kinds": [(value, words, WHAT_HINTS[value], asked.what == value) for value, words in WHAT_WORDS.items()],
        "statuses": [
            (value, words, value in (asked.statuses or ([] if "status" in problems else [Status.FAILED])))
            for value, words in STATUS_WORDS.items()
        ],
        "problems": problems,
        "problem": problem,
        "summary": [(f"f-{name}", LABELS[name], text) for name, text in problems.items()],
        "counted": counted,
        "earlier": [(one, moment_of(one.pk), *_state(one)) for one in replays.newest(integration.pk, SHOWN_REPLAYS)],
        "may_send": visitor.may(CHANGE),
    }
    return render(request, visitor, "send_again", context, status)


@portal_page(get=SEE)
def progress(request: HttpRequest, visitor: Visitor, replay_id: str) -> HttpResponseBase:
    """How far it is."""
    replay = _find(visitor, replay_id)
    connector = registry.get(replay.integration.type)
    pending: int = replay.pending  # type: ignore[attr-defined]
    ended: int = sum(getattr(replay, name) for name in (Status.DELIVERED, Status.FAILED, Status.CANCELLED))
    is_over = replay.finished_at is not None and not pending
    tone, words = _state(replay, pending)
    total = max(replay.total, replay.queued)
    cancelled: int = getattr(replay, Status.CANCELLED)
    what = WHAT_WORDS.get(replay.what, replay.what)  # a newer release may have made it
    context = {
        "title": _("%(what)s, to %(name)s") % {"what": what, "name": connector.name},
        "connector": connector,
        "replay": replay,
        "began": moment_of(replay.pk),
        "tone": tone,
        "words": words,
        "is_over": is_over,
        "ended": ended,
        "total": total,
        "sentence": _("%(ended)s of %(total)s have ended.") % {"ended": count(ended), "total": count(total)},
        "figures": [
            (_("delivered"), count(getattr(replay, Status.DELIVERED))),
            (_("failed"), count(getattr(replay, Status.FAILED))),
            *([(_("cancelled"), count(cancelled))] if cancelled else []),
            (_("on their way"), count(pending)),
            (_("to come"), count(0 if replay.finished_at else max(total - replay.queued, 0))),
        ],
        "may_send": visitor.may(CHANGE),
    }
    return render(request, visitor, "replay", context)


@portal_page(get=None, post=CHANGE)
def cancel(request: HttpRequest, visitor: Visitor, replay_id: str) -> HttpResponseBase:
    """Stops it: what is still to come or waits is not sent."""
    replays.cancel(_find(visitor, replay_id))
    return SeeOther(reverse("portal-replay", args=[replay_id]))


def _find(visitor: Visitor, replay_id: str) -> Replay:
    key = parse_public_id("rpl", replay_id)
    replay = Replay.objects.with_progress().filter(owner=visitor.user, pk=key).first() if key else None
    if replay is None:
        raise Http404
    return replay


def _count(visitor: Visitor, integration_type: str, asked: Asked) -> Counted:
    if asked.what == What.AGAIN:
        since = asked.since or backfills.EVERYTHING_SINCE
        most = COUNT_MOST + 1
        total = replays.count(visitor.user, integration_type, since, asked.until, asked.statuses, most)
        return Counted(total, _sentence(min(total, COUNT_MOST), total < most), "")
    plan = backfills.plan(
        visitor.user, integration_type, asked.what, asked.since, asked.until, COUNT_MISSED_MAX_SECONDS
    )
    return Counted(plan.total, _sentence(plan.total, plan.total_is_exact), plan.message)


def _start(visitor: Visitor, integration_type: str, asked: Asked) -> str:
    """Begins it, and returns the public id with which it is watched."""
    if asked.what == What.AGAIN:
        since = asked.since or backfills.EVERYTHING_SINCE
        replay = replays.start(visitor.user, integration_type, since, asked.until, asked.statuses)
        return replay.public_id
    return str(backfills.start(visitor.user, integration_type, asked.what, asked.since, asked.until).public_id)


def _sentence(total: int, is_exact: bool = True) -> str:
    if not is_exact:
        return _("At least %(number)s deliveries would be sent.") % {"number": count(total)}
    if not total:
        return _("There is nothing to send.")
    words = ngettext("%(number)s delivery would be sent.", "%(number)s deliveries would be sent.", total)
    return words % {"number": count(total)}


def _state(replay: Replay, pending: int = 0) -> tuple[str, str]:
    """The chip of a replay."""
    if replay.state == Replay.State.CANCELLED:
        return "rest", _("cancelled")
    if replay.state == Replay.State.QUEUEING or pending:
        return "warn", _("under way")
    return "good", _("done")
