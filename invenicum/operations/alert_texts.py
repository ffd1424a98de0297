"""What an alert says to operators: in mails, on pages, and to the webhook."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from integrations import registry

from .alert_rules import Figures


def sentence(rule: str, subject: str, figures: Figures) -> str:
    """For example `30 of 120 GitHub connections were refused within an hour.`"""
    name = name_of(subject)
    match rule:
        case "engine_silent":
            minutes = int(figures["minutes"])
            return ngettext(
                "No worker has looked for work for %(minutes)d minute: nothing is delivered.",
                "No worker has looked for work for %(minutes)d minutes: nothing is delivered.",
                minutes,
            ) % {"minutes": minutes}
        case "oldest_undelivered":
            minutes = int(figures["minutes"])
            return ngettext(
                "The oldest delivery has waited for %(minutes)d minute.",
                "The oldest delivery has waited for %(minutes)d minutes.",
                minutes,
            ) % {"minutes": minutes}
        case "failure_rate":
            return gettext("%(percent)d %% of the %(attempts)d attempts of the last 15 minutes failed.") % figures
        case "circuits_open":
            return gettext("%(count)d of %(integrations)d active integrations are held after failures.") % figures
        case "grants_refused":
            words = gettext("%(refused)d of %(grants)d %(name)s connections were refused within an hour.")
            return words % {**figures, "name": name}
        case "secret_expires":
            return gettext("The secret of your %(name)s client expires on %(day)s.") % {**figures, "name": name}
        case "retention_behind":
            days = int(figures["days"])
            return ngettext(
                "What is to be removed is kept for %(days)d day too long.",
                "What is to be removed is kept for %(days)d days too long.",
                days,
            ) % {"days": days}
        case "disk_full":
            return gettext("%(percent)d %% of the room for the database is used.") % figures
    return rule


def name_of(subject: str) -> str:
    """The name of the type that an alert is about, e.g. `GitHub`; the subject itself if there is no such type."""
    return next((connector.name for connector in registry.CONNECTORS if connector.type == subject), subject)


def advice(rule: str) -> str:
    """What to do about it."""
    return {
        "engine_silent": gettext("Start the workers and beat, or deliver. Events are accepted and wait."),
        "oldest_undelivered": gettext("Look at the overview: is a provider down, or are there too few workers?"),
        "failure_rate": gettext("The overview shows the causes. Hold a type while its provider is down."),
        "circuits_open": gettext("The overview shows which endpoints fail. Hold a type while its provider is down."),
        "grants_refused": gettext("Was your client revoked at the provider, or its secret changed?"),
        "secret_expires": gettext("Make a new one at the provider and enter it here, before connections end."),
        "retention_behind": gettext("Is beat running? Without it, run the command prune daily."),
        "disk_full": gettext("Make room, or keep data for a shorter time (RETENTION_DAYS)."),
    }.get(rule, "")
